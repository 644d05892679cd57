import { timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import http from "node:http";

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** An error that the caller is told: HTTP status, code and one clear sentence. */
export class ControlError extends Error {
  constructor(status, code, message) {
    super(message);
    this.name = "ControlError";
    this.status = status;
    this.code = code;
  }
}

/**
 * The HTTP server for the control plane, on a loopback port of its own, behind a bearer token.
 *
 * A handler gets {params, query, headers, body (Buffer), json(), response} and answers a value for
 * a JSON body, `undefined` for 204, or a `Response` to be passed on; it may throw ControlError.
 */
export class ControlChannel {
  #token;
  #routes;
  #onError;
  #server = http.createServer((request, response) => void this.#serve(request, response));

  /**
   * @param {{token: string, routes: [method: string, path: RegExp, handler: Function][],
   *   onError: (error: Error) => void}} options `onError` hears of unexpected errors
   */
  constructor({ token, routes, onError }) {
    this.#token = Buffer.from(`Bearer ${token}`);
    this.#routes = routes;
    this.#onError = onError;
    this.#server.maxConnections = 256;
    this.#server.keepAliveTimeout = 75_000;
    // A queue or cron handler may take minutes before it answers.
    this.#server.requestTimeout = 0;
  }

  /** @returns {Promise<number>} the port */
  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this.#server.address().port;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request, response) {
    try {
      this.#authenticate(request);
      const url = new URL(request.url, "http://control");
      const [handler, params] = this.#find(request.method, url.pathname);
      const body = await readBody(request);
      const call = {
        params,
        query: url.searchParams,
        headers: request.headers,
        body,
        json: () => parse(body),
        response,
      };
      await answer(response, await handler(call));
    } catch (error) {
      const told = error instanceof ControlError ? error : unexpected();
      if (told !== error) this.#onError(error);
      send(response, told.status, { error: { code: told.code, message: told.message } });
    }
  }

  #authenticate({ headers }) {
    const given = Buffer.from(headers.authorization ?? "");
    if (given.length !== this.#token.length || !timingSafeEqual(given, this.#token)) {
      throw new ControlError(401, "unauthorized", "The bearer token isn't this host's.");
    }
  }

  #find(method, pathname) {
    const matches = this.#routes.flatMap(([verb, pattern, handler]) => {
      const match = pattern.exec(pathname);
      return match ? [[verb, handler, match.slice(1)]] : [];
    });
    if (matches.length === 0) throw new ControlError(404, "not_found", `No ${pathname} here.`);
    const found = matches.find(([verb]) => verb === method);
    if (!found) throw new ControlError(405, "method_not_allowed", `${pathname} takes no ${method}.`);
    return [found[1], found[2]];
  }
}

const unexpected = () =>
  new ControlError(500, "internal", "The host met an unexpected error; see its log.");

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new ControlError(413, "too_large", `A body may have ${MAX_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(body) {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new ControlError(400, "invalid_json", "The body isn't JSON.");
  }
}

async function answer(response, value) {
  if (response.headersSent) return;
  if (!(value instanceof Response)) return send(response, value === undefined ? 204 : 200, value);
  const body = Buffer.from(await value.arrayBuffer());
  const headers = Object.fromEntries(value.headers);
  delete headers["transfer-encoding"];
  response.writeHead(value.status, { ...headers, "content-length": body.length });
  response.end(body);
}

function send(response, status, value) {
  if (response.headersSent) return response.destroy();
  const body = value === undefined ? "" : JSON.stringify(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
  });
  return response.end(body);
}
