import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import http from "node:http";
import net from "node:net";
import { RequestBody } from "./request-body.mjs";
import { RoutingTable } from "./routing-table.mjs";

/** workerd closes a connection that is idle for 5 s; a free one must go before that. */
const FREE_SOCKET_MS = 3000;
const MAX_CONNECTIONS = 2000;
/**
 * Of a request's URL, of its headers together, of an answer's, and of a request's body on the Free
 * and the Pro plan (https://developers.cloudflare.com/workers/platform/limits/#request-and-response-limits).
 */
const MAX_URL_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 128 * 1024;
const MAX_BODY_BYTES = 100 * 1024 * 1024;
/** Production gives up on a Worker's answer after 100 s (error 524). */
const ANSWER_TIMEOUT_MS = 100_000;
const RETRY_PAUSE_MS = 20;

/** Headers that belong to one connection (RFC 9110, section 7.6.1), and those the edge sets. */
const NOT_FORWARDED = new Set([
  "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
  "te", "trailer", "transfer-encoding", "upgrade", "expect",
  "cf-connecting-ip", "cf-ray", "x-forwarded-proto", "x-forwarded-for", "x-local-clock-offset",
]);
/** The same, of an answer. */
const NOT_RETURNED = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

/**
 * The HTTP front of all Workers: picks a version per request and passes both bodies through.
 *
 * A request waits while its version starts again, up to a bound. It is tried again only while
 * nothing of it has been sent; what a process had received when it ended is answered with 502.
 */
export class Edge extends EventEmitter {
  #versions;
  #holdMs;
  #table = new RoutingTable({ generation: 0, routes: [], defaultScript: null });
  #agent = new PatientAgent({ keepAlive: true, timeout: FREE_SOCKET_MS, maxFreeSockets: 256 });
  #server = http.createServer(
    { maxHeaderSize: MAX_URL_BYTES + MAX_HEADER_BYTES },
    (request, response) => void this.#serve(request, response),
  );

  /**
   * @param {{versions: import("./versions.mjs").Versions, holdMs: number}} options longest wait
   *   for a version that starts again, in ms
   */
  constructor({ versions, holdMs }) {
    super();
    this.#versions = versions;
    this.#holdMs = holdMs;
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.keepAliveTimeout = 75_000;
  }

  /** Number of the table in force. */
  get generation() {
    return this.#table.generation;
  }

  /**
   * @param {number} port 0: any
   * @returns {Promise<number>} the port it listens on
   * @throws {NodeJS.ErrnoException} EADDRINUSE
   */
  async listen(port) {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return this.#server.address().port;
  }

  /** Put another table in force, at once and as a whole. @param {RoutingTable} table */
  route(table) {
    this.#table = table;
  }

  /** Take no new connections; those in use end with their requests. */
  async close(timeoutMs) {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), timeoutMs);
    await closed;
    clearTimeout(timer);
    this.#agent.destroy();
  }

  async #serve(request, response) {
    const { headers } = request;
    if (request.url.length > MAX_URL_BYTES) return refuse(response, 414, "URI Too Long", CLOSES);
    if (Number(headers["content-length"]) > MAX_BODY_BYTES) {
      return refuse(response, 413, "Request entity too large", CLOSES);
    }
    if (this.#table.generation === 0) {
      return refuse(response, 503, "error code: 1104", { "Retry-After": "1" });
    }
    const id = this.#table.choose(
      {
        host: headers.host,
        path: request.url.replace(/[?#].*$/, ""),
        override: headers["cloudflare-workers-version-overrides"],
        key: headers["cloudflare-workers-version-key"],
      },
      this.#versions.all(),
    );
    if (id === null) return refuse(response, 404, "error code: 1042");
    const version = this.#versions.get(id);
    if (version === undefined) {
      return refuse(response, 503, "error code: 1104", { "Retry-After": "1" });
    }
    if (version.assets?.answers(request)) {
      return version.assets.serve(request, response, { "CF-Ray": newRay() });
    }
    version.begin();
    const began = performance.now();
    response.once("close", () => {
      version.end();
      this.emit("answered", version, {
        ms: performance.now() - began,
        failed: FAILED.has(response),
      });
    });
    let body;
    try {
      body = await RequestBody.of(request);
    } catch {
      return response.destroy(); // the client went away while it sent
    }
    const deadline = Date.now() + this.#holdMs;
    do {
      if (version.state !== "ready") await version.supervisor.whenReady(deadline - Date.now());
      if (response.destroyed) return undefined;
      if (version.state === "ready" && (await this.#forward(version, request, body, response))) {
        return undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    } while (Date.now() < deadline && version.state !== "dead");
    return refuse(response, 503, "error code: 1104", { "Retry-After": "1" });
  }

  /** @returns {Promise<boolean>} false: nothing of the request was sent, it may be tried again */
  #forward(version, request, body, response) {
    return new Promise((resolve) => {
      let sent = false;
      const ray = newRay();
      const upstream = http.request({
        agent: isLong(request) ? new PatientAgent() : this.#agent,
        socketPath: version.address,
        method: request.method,
        path: request.url,
        headers: forwardedHeaders(request, ray, this.#versions.clockOffsetMs),
        setHost: false,
        maxHeaderSize: MAX_HEADER_BYTES,
      });
      const abandon = () => upstream.destroy();
      const settle = (done) => {
        response.off("close", abandon);
        resolve(done);
      };
      response.once("close", abandon);
      upstream.setTimeout(ANSWER_TIMEOUT_MS, () => {
        FAILED.add(response);
        if (!response.headersSent) refuse(response, 524, "error code: 524");
        upstream.destroy();
      });
      // Nothing may be written before the connection stands: that is what makes a retry safe.
      upstream.once("socket", (socket) => {
        const send = () => {
          sent = true;
          body.forward(upstream);
        };
        if (socket.connecting) socket.once("connect", send);
        else send();
      });
      let answered;
      upstream.once("response", (answer) => {
        answered = answer;
        response.writeHead(answer.statusCode, answer.statusMessage, returnedHeaders(answer, ray));
        answer.once("error", () => response.destroy());
        answer.pipe(response);
        settle(true);
        response.once("close", abandon);
      });
      upstream.once("error", (error) => {
        // The rest of a body that the Worker didn't want; its answer is here.
        if (response.destroyed || answered?.complete) return settle(true);
        if (!sent) return settle(false);
        FAILED.add(response);
        if (response.headersSent) response.destroy();
        else refuse(response, 502, "error code: 1101");
        if (error.code !== undefined) void version.supervisor.doubt();
        this.emit("cut", version, error.code ?? error.message);
        return settle(true);
      });
    });
  }
}

/** The rest of such a request isn't read. */
const CLOSES = { Connection: "close" };

/** Answers that the Worker didn't give, or not to the end. */
const FAILED = new WeakSet();

/**
 * Bytes of a body up to which workerd reads on where its Worker didn't. Beyond, it closes the
 * connection behind its answer, so that no later request may be sent over it (kj/compat/http.h,
 * `canceledUploadGraceBytes`).
 */
const GRACE_BYTES = 65_536;

const isLong = ({ headers }) =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > GRACE_BYTES;

/**
 * A connection whose failed write is told two turns of the event loop later.
 *
 * A Worker that answers without reading a body closes its connection while the rest is being
 * written. Its answer is there to be read, and Node stops reading once it knows of the failure.
 */
class PatientSocket extends net.Socket {
  _write(chunk, encoding, done) {
    super._write(chunk, encoding, afterReading(done));
  }

  _writev(chunks, done) {
    super._writev(chunks, afterReading(done));
  }
}

const afterReading = (done) => (error) => {
  // The first runs before sockets are polled again, the second after it.
  if (error) setImmediate(() => setImmediate(done, error));
  else done();
};

class PatientAgent extends http.Agent {
  createConnection(options, connected) {
    return new PatientSocket(options).connect(options, connected);
  }
}

const newRay = () => `${randomBytes(8).toString("hex")}-LCL`;

function forwardedHeaders(request, ray, clockOffsetMs) {
  const forwarded = without(request.rawHeaders, NOT_FORWARDED);
  if (request.headers["transfer-encoding"] !== undefined) {
    forwarded.push("Transfer-Encoding", "chunked");
  }
  const client = request.socket.remoteAddress ?? "127.0.0.1";
  forwarded.push("CF-Connecting-IP", client, "CF-Ray", ray, "X-Forwarded-Proto", "http");
  // What the service `local-clock` would tell, without a call for each request.
  forwarded.push("X-Local-Clock-Offset", String(clockOffsetMs));
  return forwarded;
}

function returnedHeaders(answer, ray) {
  return [...without(answer.rawHeaders, NOT_RETURNED), "CF-Ray", ray];
}

function without(rawHeaders, names) {
  const kept = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (!names.has(rawHeaders[index].toLowerCase())) {
      kept.push(rawHeaders[index], rawHeaders[index + 1]);
    }
  }
  return kept;
}

function refuse(response, status, text, headers = {}) {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  response.end(text);
}
