import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { workerdConfig } from "./capnp-text.mjs";
import { Supervisor } from "./supervisor.mjs";

const GATEWAY = new URL("store-gateway.worker.mjs", import.meta.url);
const D1_DATABASE = new URL("d1-database.worker.mjs", import.meta.url);
const KV_LOCATION = new URL("kv-location.worker.mjs", import.meta.url);
const BOOT_TIMEOUT_MS = 20_000;
const UNIQUE_KEYS = { d1: "d1", kv: "kv" };
const COMPATIBILITY_DATE = "2026-10-01";

/** A request to a store that isn't there. */
export class UnknownStore extends Error {
  constructor(kind, id) {
    super(`No ${kind === "d1" ? "database" : "namespace"} ${id} exists here.`);
    this.name = "UnknownStore";
  }
}

/**
 * The process that alone opens the files of D1 and KV: workerd's own Workers for both
 * (`/workerd/d1.js`, `/workerd/kv.js`) behind a gateway that picks the object by a header.
 */
export class Store {
  #dir;
  #kvDelayMs;
  #ids = { d1: [], kv: [] };
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
    await this.#manage("PUT", "/stores", JSON.stringify(this.#ids));
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
    const { name } = await (await this.#manage("GET", `/files/${kind}/${id}`)).json();
    // Deleting open files is safe: nothing reaches the object any more, and it ends when idle.
    const folder = path.join(this.#dir, "objects", UNIQUE_KEYS[kind]);
    const files = await readdir(folder).catch(() => []);
    const own = files.filter((file) => file.startsWith(name));
    await Promise.all(own.map((file) => rm(path.join(folder, file), { force: true })));
    if (kind === "kv") {
      await rm(path.join(this.#dir, "blobs", name), { recursive: true, force: true });
    }
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
    return await fetch(`http://${this.address}${target}`, { ...init, headers });
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
        { name: "STORES", text: JSON.stringify(this.#ids) },
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
