import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";

/**
 * Where the `assets` binding of a Worker leads: the files of its own version, over loopback.
 *
 * A version proves itself by a header that only its own process is configured with.
 */
export class AssetGateway {
  #sites = new Map();
  #server = http.createServer((request, response) => {
    const site = this.#sites.get(request.headers["x-asset-site"]);
    if (site !== undefined) return site.serve(request, response);
    response.writeHead(403, { "content-length": 0 }).end();
    return undefined;
  });

  /** Listen on a free loopback port. */
  async start() {
    this.#server.keepAliveTimeout = 75_000;
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** `host:port` of the server. */
  get address() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  /**
   * Serve a version's files. @param {import("./asset-site.mjs").AssetSite} site
   * @returns {string} the value of `X-Asset-Site` that stands for it
   */
  add(site) {
    const key = randomBytes(24).toString("hex");
    this.#sites.set(key, site);
    return key;
  }

  /** @param {string} key what `add` returned */
  remove(key) {
    this.#sites.delete(key);
  }
}
