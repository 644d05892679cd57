import http from "node:http";

/** The wall time that production grants a queue or cron handler. */
const HANDLER_TIMEOUT_MS = 15 * 60 * 1000;
const PROBE_TIMEOUT_MS = 5000;
const START_TIMEOUT_MS = 60_000;

/** The event may have reached the handler, but what became of it isn't known. */
export class DeliveryLost extends Error {
  constructor(reason) {
    super(`The runtime ended or gave no answer while the handler worked: ${reason}`);
    this.name = "DeliveryLost";
  }
}

/**
 * The host's side of door.worker.mjs: hands events to a version's handlers.
 *
 * Each event has a connection of its own. The runtime closes idle ones, and an event that meets
 * such an end could not be told from one that the handler had begun with.
 */
export class Door {
  #address;
  #token;

  /**
   * @param {string} address path of the Unix socket
   * @param {string} token what the version's process knows the host by
   */
  constructor(address, token) {
    this.#address = address;
    this.#token = token;
  }

  /**
   * @param {"queue" | "scheduled"} kind @param {object} event
   * @returns {Promise<object>} what the handler decided
   * @throws {DeliveryLost}
   */
  async deliver(kind, event) {
    const { status, text } = await this.#call("POST", `/${kind}`, {
      body: JSON.stringify(event),
      timeoutMs: HANDLER_TIMEOUT_MS,
    });
    if (status !== 200) throw new DeliveryLost(`status ${status}`);
    return JSON.parse(text);
  }

  /** Say whether somebody watches the Worker. @param {boolean} watched @throws {DeliveryLost} */
  async watch(watched) {
    const body = JSON.stringify({ watched });
    await this.#call("POST", "/watched", { body, timeoutMs: PROBE_TIMEOUT_MS });
  }

  /**
   * Move the Worker's clock.
   *
   * @param {number} offsetMs beyond the real time
   * @param {{starts: boolean}} options `starts`: the process has only begun to listen
   * @throws {DeliveryLost}
   */
  async setClock(offsetMs, { starts }) {
    const timeoutMs = starts ? START_TIMEOUT_MS : PROBE_TIMEOUT_MS;
    await this.#call("POST", "/clock", { body: JSON.stringify({ offsetMs }), timeoutMs });
  }

  /** Ask whether the process answers at all. @throws {DeliveryLost} */
  async probe() {
    await this.#call("GET", "/", { timeoutMs: PROBE_TIMEOUT_MS });
  }

  #call(method, path, { body, timeoutMs }) {
    return new Promise((resolve, reject) => {
      const lost = (error) => reject(new DeliveryLost(error.code ?? error.message));
      const headers = { "X-Door-Token": this.#token };
      const options = { agent: false, socketPath: this.#address, method, path, headers };
      const request = http.request(options, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.once("error", lost);
        response.once("end", () =>
          resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString("utf8") }),
        );
      });
      request.setTimeout(timeoutMs, () => request.destroy(new Error(`${timeoutMs} ms`)));
      request.once("error", lost);
      request.end(body);
    });
  }
}
