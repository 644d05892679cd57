/** Signed calls to the service, typed by its OpenAPI document. */

import type { components, paths } from "./openapi";
import { importSecret, signatureHeaders } from "./signing";

export type Schemas = components["schemas"];
export type Verb = "get" | "post" | "put" | "delete";
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : never;
type Operation<P extends keyof paths, M extends Verb> = paths[P][M];
type Responses<O> = O extends { responses: infer R } ? R : never;

/** The body of the operation's 200 (or 201) answer. */
export type Answer<P extends keyof paths, M extends Verb> =
  Responses<Operation<P, M>> extends { 200: infer Ok } ? Json<Ok> : never;
type Body<P extends keyof paths, M extends Verb> =
  Operation<P, M> extends { requestBody?: infer B } ? Json<NonNullable<B>> : never;
type Query<P extends keyof paths, M extends Verb> =
  Operation<P, M> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;

export interface CallOptions<P extends keyof paths, M extends Verb> {
  parameters?: Record<string, string | number>;
  query?: Query<P, M>;
  body?: Body<P, M>;
  headers?: Record<string, string>;
  /** Leave the call out of the exchanges that are shown: it is one of many of its kind. */
  quiet?: boolean;
  signal?: AbortSignal;
}

/** One request and its answer, as they went over the wire. */
export interface Exchange {
  id: number;
  at: number;
  method: string;
  target: string;
  requestHeaders: Record<string, string>;
  requestBody: string;
  status: number;
  responseHeaders: Record<string, string>;
  responseBody: string;
  durationMs: number;
}

/** The service refused, or gave no usable answer (`status` 0). */
export class CallError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string,
    readonly retryAfter: number | undefined,
    readonly body: unknown,
  ) {
    super(message);
  }
}

const LIMIT_MS = 30_000;
const KEPT_EXCHANGES = 30;
const PUBLIC_PATHS = new Set<string>(["/health", "/health/scheduled-tasks", "/openapi.json"]);

let key: CryptoKey | undefined;
/** The service's clock minus this browser's: a wrong clock here would make every request expire. */
let clockOffset = 0;
let exchanges: readonly Exchange[] = [];
let counter = 0;
const listeners = new Set<() => void>();

/** Newest first. */
export const recentExchanges = (): readonly Exchange[] => exchanges;

export function onExchange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The time by the service's clock, in milliseconds since the epoch. */
export const serviceNow = (): number => Date.now() + clockOffset;

export function followClock(timestamp: string): void {
  const theirs = Date.parse(timestamp);
  if (Number.isFinite(theirs)) clockOffset = theirs - Date.now();
}

/** Keep the secret as a key in memory, after the service has accepted a request signed with it. */
export async function signIn(secret: string): Promise<void> {
  const before = key;
  key = await importSecret(secret);
  try {
    await call("get", "/api/deployment", { quiet: true });
  } catch (error) {
    key = before;
    throw error;
  }
}

export function signOut(): void {
  key = undefined;
  exchanges = [];
  for (const listener of listeners) listener();
}

/** Call one operation; raises `CallError` for every answer that isn't a success. */
export async function call<P extends keyof paths, M extends Verb & keyof paths[P]>(
  method: M,
  path: P,
  options: CallOptions<P, M> = {},
): Promise<Answer<P, M>> {
  const exchange = await send(method.toUpperCase(), targetOf(path, options), options);
  const body = parsed(exchange.responseBody);
  if (exchange.status >= 200 && exchange.status < 300) {
    if (body !== null && typeof body === "object") return body as Answer<P, M>;
    throw new CallError(exchange.status, "UNREADABLE", "", "", undefined, body);
  }
  const refusal = (body ?? {}) as { code?: string; error?: string; retryAfter?: number };
  throw new CallError(
    exchange.status,
    refusal.code ?? `HTTP_${exchange.status}`,
    refusal.error ?? `HTTP ${exchange.status}`,
    exchange.responseHeaders["x-request-id"] ?? "",
    refusal.retryAfter,
    body,
  );
}

function targetOf<P extends keyof paths, M extends Verb>(
  path: P,
  { parameters = {}, query }: CallOptions<P, M>,
): string {
  const filled = String(path).replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(parameters[name] ?? "")),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  return search.size ? `${filled}?${search}` : filled;
}

interface SendOptions {
  body?: unknown;
  headers?: Record<string, string>;
  quiet?: boolean;
  signal?: AbortSignal;
}

async function send(method: string, target: string, options: SendOptions): Promise<Exchange> {
  let exchange = await once(method, target, options);
  if (exchange.status === 401 && exchange.responseBody.includes('"REQUEST_EXPIRED"')) {
    // The service's clock moved away from ours since the last look.
    await askClock();
    exchange = await once(method, target, options);
  }
  return exchange;
}

async function askClock(): Promise<void> {
  try {
    const health = await fetch("/health", { cache: "no-store" });
    followClock(((await health.json()) as { timestamp: string }).timestamp);
  } catch {
    // The clock stays as it was, and the second answer is the one that is told.
  }
}

async function once(method: string, target: string, options: SendOptions): Promise<Exchange> {
  const body = options.body === undefined ? "" : JSON.stringify(options.body);
  const headers: Record<string, string> = { ...options.headers };
  if (body) headers["Content-Type"] = "application/json";
  if (key && !headers["Authorization"] && !PUBLIC_PATHS.has(target.split("?", 1)[0] ?? "")) {
    Object.assign(headers, await signatureHeaders(key, { method, target, body, now: serviceNow() }));
  }
  const started = performance.now();
  const exchange: Exchange = {
    id: ++counter,
    at: serviceNow(),
    method,
    target,
    requestHeaders: shown(headers),
    requestBody: body && JSON.stringify(options.body, hideSecrets),
    status: 0,
    responseHeaders: {},
    responseBody: "",
    durationMs: 0,
  };
  try {
    const timeout = AbortSignal.timeout(LIMIT_MS);
    const answer = await fetch(target, {
      method,
      headers,
      ...(body ? { body } : {}),
      cache: "no-store",
      // With credentials the browser itself would answer a refused password, by a dialog.
      credentials: headers["Authorization"] ? "omit" : "same-origin",
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    });
    exchange.status = answer.status;
    exchange.responseHeaders = Object.fromEntries(answer.headers);
    exchange.responseBody = await answer.text();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const why = error instanceof DOMException && error.name === "TimeoutError" ? "TIMEOUT" : "NETWORK";
    throw new CallError(0, why, "", "", undefined, undefined);
  } finally {
    exchange.durationMs = Math.round(performance.now() - started);
    if (!options.quiet) remember(exchange);
  }
  return exchange;
}

function remember(exchange: Exchange): void {
  exchanges = [exchange, ...exchanges].slice(0, KEPT_EXCHANGES);
  for (const listener of listeners) listener();
}

/** Headers without what authenticates: a screenshot of the exchange gives nothing away. */
function shown(headers: Record<string, string>): Record<string, string> {
  const hidden = new Set(["X-Signature", "Authorization"]);
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, text]) => [name, hidden.has(name) ? "…" : text]));
}

const SECRET_FIELDS = /secret|token|password/i;

/** For JSON.stringify: secrets of a configuration leave the page in the request alone. */
function hideSecrets(name: string, value: unknown): unknown {
  return SECRET_FIELDS.test(name) && value ? "…" : value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
