/** Bodies up to this many bytes are taken in as a whole; the service's own limit is 1 MiB. */
const MAX_HELD = 8 * 1024 * 1024;

/**
 * A client's request body on its way to a Worker that may answer without reading it.
 *
 * workerd closes the connection under a body that nobody reads. Node gives up a connection as soon
 * as a write to it fails, with the answer that lies there unread. So a body is written in one piece,
 * right after the connection stands: what the kernel doesn't take at once, libuv writes only after it
 * has read. Longer ones are passed on as they come.
 */
export class RequestBody {
  #request;
  #held;
  #whole;

  constructor(request, held, whole) {
    this.#request = request;
    this.#held = held;
    this.#whole = whole;
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @returns {Promise<RequestBody>}
   * @throws the client's connection broke
   */
  static async of(request) {
    const held = [];
    let size = 0;
    const { headers } = request;
    const expected = headers["transfer-encoding"] !== undefined || headers["content-length"] > 0;
    for await (const chunk of expected ? request.iterator({ destroyOnReturn: false }) : []) {
      held.push(chunk);
      size += chunk.length;
      if (size > MAX_HELD) break;
    }
    return new RequestBody(request, Buffer.concat(held), size <= MAX_HELD);
  }

  /** @param {import("node:http").ClientRequest} upstream whose connection stands */
  forward(upstream) {
    if (this.#whole) {
      upstream.end(this.#held);
      return;
    }
    upstream.write(this.#held);
    this.#request.pipe(upstream);
  }
}
