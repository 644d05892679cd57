import { EventEmitter, once } from "node:events";
import http from "node:http";

/** The runtime cuts an invocation's log at 256 KB; JSON's escapes make at most six times of it. */
const MAX_BYTES = 2 * 1024 * 1024;

/**
 * Where the processes of watched versions send what became of their invocations. It listens on a
 * Unix socket, out of reach for others. Emits "traces" (version id, list of traces).
 */
export class TraceSink extends EventEmitter {
  #address;
  #server = http.createServer((request, response) => void this.#take(request, response));

  /** @param {string} address path of the Unix socket */
  constructor(address) {
    super();
    this.#address = address;
  }

  async start() {
    this.#server.keepAliveTimeout = 75_000;
    this.#server.listen(this.#address);
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** workerd's service for a version's process. @param {string} name @param {string} version */
  service(name, version) {
    const headers = [{ name: "X-Version", value: version }];
    const address = `unix:${this.#address}`;
    return { name, external: { address, http: { injectRequestHeaders: headers } } };
  }

  async #take(request, response) {
    const answer = (status) => response.writeHead(status, { "content-length": 0 }).end();
    try {
      const parts = [];
      let size = 0;
      for await (const part of request) {
        size += part.length;
        if (size > MAX_BYTES) return answer(413);
        parts.push(part);
      }
      const traces = JSON.parse(Buffer.concat(parts).toString());
      this.emit("traces", request.headers["x-version"], traces);
      return answer(204);
    } catch {
      return answer(400);
    }
  }
}
