import { createHash } from "node:crypto";
import { RoutePattern } from "./route-pattern.mjs";

/** A routing table that can't be used; the one before it stays. */
export class InvalidRoutes extends Error {
  constructor(code, message) {
    super(message);
    this.name = "InvalidRoutes";
    this.code = code;
  }
}

const PREVIEW = /^([0-9a-f]{8})-(.+)\.localhost$/;
const PLAIN = new Set(["127.0.0.1", "localhost", "[::1]"]);
/** A member of a structured-field dictionary (RFC 8941) whose value is a string. */
const OVERRIDE = /(?:^|,)\s*([a-z*][a-z0-9_.*-]*)\s*=\s*"([^"\\]*)"/g;

/**
 * Which version answers a request: by route pattern, host, override, affinity key and percentage.
 *
 * Immutable: a new deployment is a new table.
 */
export class RoutingTable {
  #byHost = new Map();
  #byScript = new Map();
  #defaultScript;
  #previewScripts;
  #patterns;

  /**
   * @param {{generation: number, routes: {hosts: string[], script: string,
   *   versions: {id: string, percentage: number}[]}[], defaultScript: string | null,
   *   previewScripts?: string[], patterns?: {pattern: string, script: string | null}[]}} document
   *   without `previewScripts`, every Worker has preview hosts; a pattern without a script keeps
   *   Workers away from its URLs
   * @throws {InvalidRoutes} a host twice, or percentages that don't add up to 100
   */
  constructor({ generation, routes, defaultScript, previewScripts, patterns = [] }) {
    this.generation = generation;
    this.#defaultScript = defaultScript ?? null;
    this.#previewScripts = previewScripts ? new Set(previewScripts) : null;
    this.#patterns = patterns
      .map(({ pattern, script }) => new RoutePattern(pattern, script ?? null))
      .sort(RoutePattern.mostSpecificFirst);
    for (const { hosts, script, versions } of routes) {
      const sum = versions.reduce((total, { percentage }) => total + percentage, 0);
      if (Math.abs(sum - 100) > 0.01) {
        throw new InvalidRoutes(
          "invalid_split",
          `The percentages of ${script} add up to ${sum}, not to 100.`,
        );
      }
      this.#byScript.set(script, versions);
      for (const host of hosts) {
        if (this.#byHost.has(host.toLowerCase())) {
          throw new InvalidRoutes("host_taken", `The host ${host} has two Workers.`);
        }
        this.#byHost.set(host.toLowerCase(), script);
      }
    }
  }

  /** Ids of all versions in it. @returns {string[]} */
  versionIds() {
    return [...this.#byScript.values()].flat().map(({ id }) => id);
  }

  /**
   * @param {{host: string | undefined, path?: string, override?: string, key?: string}} request
   *   the Host header, the path without its query, `Cloudflare-Workers-Version-Overrides`,
   *   `Cloudflare-Workers-Version-Key`
   * @param {{id: string, script: string}[]} running candidates for a preview host
   * @param {() => number} [random] in [0, 1)
   * @returns {string | null} a version's id; null: no Worker has this host
   */
  choose({ host = "", path = "/", override, key }, running, random = Math.random) {
    const name = host.toLowerCase().replace(/:\d+$/, "");
    const script = this.#script(name, path);
    if (script === null || script === undefined) return this.#preview(name, running);
    const versions = this.#byScript.get(script);
    if (versions === undefined) return null;
    return overridden(script, versions, override) ?? drawn(versions, key, random);
  }

  /** A route runs before the custom domain that is its origin. */
  #script(name, path) {
    const route = this.#patterns.find((pattern) => pattern.matches(name, path));
    // The way past a route without a Worker leads to the origin: the custom domain, where one is.
    if (route !== undefined && route.script !== null) return route.script;
    return this.#byHost.get(name) ?? (PLAIN.has(name) ? this.#defaultScript : null);
  }

  #preview(name, running) {
    const [, start, script] = PREVIEW.exec(name) ?? [];
    if (this.#previewScripts !== null && !this.#previewScripts.has(script)) return null;
    const found = running.find((version) => version.script === script && version.id.startsWith(start));
    return found?.id ?? null;
  }
}

/** An override holds for versions of the deployment only, those with 0 % included. */
function overridden(script, versions, header) {
  if (header === undefined) return null;
  for (const [, name, id] of header.matchAll(OVERRIDE)) {
    if (name === script && versions.some((version) => version.id === id)) return id;
  }
  return null;
}

function drawn(versions, key, random) {
  let left = key === undefined ? random() * 100 : point(key);
  for (const { id, percentage } of versions) {
    if (left < percentage) return id;
    left -= percentage;
  }
  return versions.findLast(({ percentage }) => percentage > 0)?.id ?? null;
}

/** The same key always gives the same point in [0, 100). */
const point = (key) => (createHash("sha256").update(key).digest().readUInt32BE() / 2 ** 32) * 100;
