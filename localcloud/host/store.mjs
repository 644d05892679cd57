import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { workerdConfig } from "./capnp-text.mjs";
import { Supervisor } from "./supervisor.mjs";

const GATEWAY = new URL("store-gateway.worker.mjs", import.meta.url);
const D1_DATABASE = new URL("d1-database.worker.mjs", import.meta.url);
const KV_LOCATION = new URL("kv-location.worker.mjs", import.meta.url);
const BOOT_TIMEOUT_MS = 20_000;
const UNIQUE_KEYS = { d1: "d1", kv: "kv" };
/** The object's name of each database whose file was replaced. */
const NAMES = "names.json";
const DRAIN_EVERY_MS = 10;
const COMPATIBILITY_DATE = "2026-10-01";

/** A request to a store that isn't there. */
export class UnknownStore extends Error {
  constructor(kind, id) {
    super(`No ${kind === "d1" ? "database" : "namespace"} ${id} exists here.`);
    this.name = "UnknownStore";
  }
}

/**
 * The process that alone writes the files of D1 and KV: workerd's own Workers for both
 * (`/workerd/d1.js`, `/workerd/kv.js`) behind a gateway that picks the object by a header.
 *
 * The control plane reads a D1 file beside it, as any reader of SQLite's WAL may, and makes files
 * that take one's place: see `hold`.
 */
export class Store {
  #dir;
  #kvDelayMs;
  #ids = { d1: [], kv: [] };
  /** Object names by database: one whose file was replaced has another one than its id. */
  #names = {};
  #held = new Set();
  #token = randomBytes(24).toString("base64url");

  /**
   * @param {{dir: string, binary: string, runDir: string, ledger: object, kvDelayMs: number}}
   *   options `dir` holds the data; it is made when missing. `kvDelayMs`: see kv-location.worker.mjs
   */
  constructor({ dir, binary, runDir, ledger, kvDelayMs }) {
    this.#dir = dir;
    this.#kvDelayMs = kvDelayMs;
    this.supervisor = new Supervisor({
      name: "store",
      binary,
      runDir,
      ledger,
      sockets: ["store"],
      timeoutMs: BOOT_TIMEOUT_MS,
      plan: (ports) => this.#plan(ports),
      probe: () => this.#manage("GET", "/"),
    });
  }

  /** @throws {import("./workerd.mjs").WorkerdBootError} */
  async start() {
    await mkdir(path.join(this.#dir, "objects"), { recursive: true });
    await mkdir(path.join(this.#dir, "blobs"), { recursive: true });
    this.#names = await readNames(path.join(this.#dir, NAMES));
    await this.supervisor.start();
  }

  /** `host:port` of the gateway; the same for as long as this object lives. */
  get address() {
    return `127.0.0.1:${this.supervisor.port("store")}`;
  }

  /**
   * The headers that address one store through the gateway. The token is a secret.
   *
   * @param {"d1" | "kv"} kind @param {string} id
   * @returns {{name: string, value: string}[]}
   */
  headers(kind, id) {
    return [
      { name: "X-Store", value: `${kind}/${id}` },
      { name: "X-Store-Token", value: this.#token },
    ];
  }

  /** Replace the list of what exists. @param {{d1: string[], kv: string[]}} ids */
  async declare(ids) {
    this.#ids = { d1: [...ids.d1], kv: [...ids.kv] };
    await this.#tell();
  }

  /**
   * The files of a database: the one that is there, and the one that can take its place.
   *
   * @param {string} id
   * @returns {Promise<{file: string, next: string}>} absolute paths
   * @throws {UnknownStore}
   */
  async files(id) {
    if (!this.#ids.d1.includes(id)) throw new UnknownStore("d1", id);
    const paths = [this.#name(id), nextName(this.#name(id))].map(async (name) =>
      path.resolve(this.#folder("d1"), `${await this.#fileName("d1", name)}.sqlite`),
    );
    const [file, next] = await Promise.all(paths);
    return { file, next };
  }

  /**
   * Let a database's queries wait until `release`, and wait for those that are under way.
   *
   * @param {string} id
   * @returns {Promise<{file: string, next: string}>} see `files`; nothing is left at `next`
   * @throws {UnknownStore}
   */
  async hold(id) {
    const found = await this.files(id);
    this.#held.add(id);
    await this.#tell();
    while ((await (await this.#manage("GET", `/running/${id}`)).json()).queries > 0) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_EVERY_MS));
    }
    await this.#remove("d1", path.basename(found.next, ".sqlite"));
    return found;
  }

  /**
   * Let the queries go on.
   *
   * @param {string} id
   * @param {{swap: boolean}} options `swap`: with the file at `next`; the other one is removed
   * @throws {UnknownStore}
   */
  async release(id, { swap }) {
    if (!this.#ids.d1.includes(id)) throw new UnknownStore("d1", id);
    const before = this.#name(id);
    if (swap) await this.#rename({ ...this.#names, [id]: nextName(before) });
    this.#held.delete(id);
    await this.#tell();
    const left = swap ? before : nextName(before);
    await this.#remove("d1", await this.#fileName("d1", left));
  }

  /**
   * Forget a store and remove its files.
   *
   * @param {"d1" | "kv"} kind @param {string} id
   * @throws {UnknownStore}
   */
  async erase(kind, id) {
    if (!this.#ids[kind].includes(id)) throw new UnknownStore(kind, id);
    const rest = { ...this.#ids, [kind]: this.#ids[kind].filter((other) => other !== id) };
    await this.declare(rest);
    const name = await this.#fileName(kind, this.#name(id));
    // Deleting open files is safe: nothing reaches the object any more, and it ends when idle.
    await this.#remove(kind, name);
    await this.#remove(kind, await this.#fileName(kind, nextName(this.#name(id))));
    if (kind === "kv") {
      await rm(path.join(this.#dir, "blobs", name), { recursive: true, force: true });
    }
    const { [id]: gone, ...names } = this.#names;
    if (gone !== undefined) await this.#rename(names);
  }

  /**
   * One HTTP request to a store, in the protocol that the Worker's binding speaks.
   *
   * @param {"d1" | "kv"} kind @param {string} id
   * @param {string} target path and query @param {RequestInit} [init]
   * @returns {Promise<Response>}
   * @throws {UnknownStore}
   */
  async fetch(kind, id, target, init = {}) {
    if (!this.#ids[kind].includes(id)) throw new UnknownStore(kind, id);
    const headers = new Headers(init.headers);
    headers.set("X-Store-Elsewhere", "1");
    for (const { name, value } of this.headers(kind, id)) headers.set(name, value);
    await this.supervisor.whenReady(BOOT_TIMEOUT_MS);
    try {
      return await fetch(`http://${this.address}${target}`, { ...init, headers });
    } catch (error) {
      // What is asked next waits until the process answers again, or another one does.
      void this.supervisor.doubt();
      throw error;
    }
  }

  async #tell() {
    await this.#manage("PUT", "/stores", this.#told());
  }

  #told() {
    return JSON.stringify({ ...this.#ids, names: this.#names, held: [...this.#held] });
  }

  async #rename(names) {
    const file = path.join(this.#dir, NAMES);
    await writeFile(`${file}.new`, JSON.stringify(names), { flush: true });
    await rename(`${file}.new`, file);
    this.#names = names;
  }

  #name(id) {
    return this.#names[id] ?? id;
  }

  #folder(kind) {
    return path.join(this.#dir, "objects", UNIQUE_KEYS[kind]);
  }

  async #fileName(kind, name) {
    const answer = await this.#manage("GET", `/files/${kind}/${encodeURIComponent(name)}`);
    return (await answer.json()).name;
  }

  async #remove(kind, name) {
    const files = await readdir(this.#folder(kind)).catch(() => []);
    const own = files.filter((file) => file.startsWith(name));
    await Promise.all(own.map((file) => rm(path.join(this.#folder(kind), file), { force: true })));
  }

  async #manage(method, target, body) {
    return await fetch(`http://${this.address}${target}`, {
      method,
      body,
      headers: { "X-Store-Token": this.#token },
      signal: AbortSignal.timeout(5000),
    });
  }

  async #plan(ports) {
    const modules = [
      { name: "gateway.js", esModule: await readFile(GATEWAY, "utf8") },
      { name: "kv-location.js", esModule: await readFile(KV_LOCATION, "utf8") },
      { name: "d1-database.js", esModule: await readFile(D1_DATABASE, "utf8") },
      { name: "d1.js", bundled: "/workerd/d1.js" },
      { name: "kv.js", bundled: "/workerd/kv.js" },
    ];
    const disk = (name) => ({
      name,
      disk: { path: path.resolve(this.#dir, name), writable: true },
    });
    const worker = {
      modules,
      compatibilityDate: COMPATIBILITY_DATE,
      compatibilityFlags: ["experimental"],
      durableObjectNamespaces: [
        { className: "D1Database", uniqueKey: UNIQUE_KEYS.d1, enableSql: true },
        { className: "KVNamespace", uniqueKey: UNIQUE_KEYS.kv, enableSql: true },
      ],
      durableObjectStorage: { localDisk: "objects" },
      globalOutbound: "nowhere",
      bindings: [
        { name: "DATABASE", durableObjectNamespace: { className: "D1Database" } },
        { name: "SHARD", durableObjectNamespace: { className: "KVNamespace" } },
        { name: "BLOBS", service: "blobs" },
        { name: "TOKEN", fromEnvironment: "STORE_TOKEN" },
        { name: "KV_DELAY_MS", text: String(this.#kvDelayMs) },
        { name: "STORES", text: this.#told() },
      ],
    };
    return {
      config: workerdConfig({
        services: [
          { name: "store", worker },
          disk("objects"),
          disk("blobs"),
          { name: "nowhere", network: { allow: [] } },
        ],
        sockets: [
          { name: "store", address: `127.0.0.1:${ports.get("store") ?? 0}`, http: {}, service: "store" },
        ],
      }),
      env: { STORE_TOKEN: this.#token },
    };
  }
}

/** `ID` is followed by `ID#1`, that by `ID#2`: no object that workerd still holds is met again. */
function nextName(name) {
  const [id, number = "0"] = name.split("#");
  return `${id}#${Number(number) + 1}`;
}

async function readNames(file) {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}
