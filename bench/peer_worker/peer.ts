/**
 * The peer: a send as a plain TypeScript Worker does it. It checks the signature, reads the
 * recipient's configuration, calls the endpoint, and writes what came of it: one read, one call,
 * one write. What is lost between the call and the write is lost: there is no row before the call,
 * no lease, no idempotency, no retry.
 */

interface Statement {
  bind(...values: unknown[]): Statement;
  first<Row>(): Promise<Row | null>;
  run(): Promise<unknown>;
}

interface Env {
  DB: { prepare(sql: string): Statement };
  SECRET: string;
}

interface Send {
  user_id?: unknown;
  channels?: unknown;
  custom_content?: { subject?: string; content?: string };
}

const encoder = new TextEncoder();
const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const answer = (document: object, status = 200): Response =>
  Response.json(document, { status, headers: { "Cache-Control": "no-store" } });

let key: Promise<CryptoKey> | undefined;

async function signed(request: Request, body: string, secret: string): Promise<boolean> {
  const timestamp = request.headers.get("x-timestamp") ?? "";
  if (Math.abs(Date.now() - Number(timestamp)) > 300_000) return false;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  key ??= crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const digest = hex(await crypto.subtle.digest("SHA-256", encoder.encode(body)));
  const { pathname } = new URL(request.url);
  const text = `${timestamp}\n${request.method}\n${pathname}\n${digest}`;
  const expected = hex(await crypto.subtle.sign("HMAC", await key, encoder.encode(text)));
  return expected === request.headers.get("x-signature");
}

async function deliver(env: Env, user: string, channel: string, send: Send): Promise<object> {
  const { subject = null, content = "" } = send.custom_content ?? {};
  const config = await env.DB.prepare(
    "SELECT config FROM user_configs WHERE user_id = ?1 AND channel_type = ?2 AND is_active = 1",
  )
    .bind(user, channel)
    .first<{ config: string }>();
  if (config === null) return { channelType: channel, success: false, error: "not configured" };
  const messageId = crypto.randomUUID();
  const started = Date.now();
  const called = await fetch((JSON.parse(config.config) as { webhook_url: string }).webhook_url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ content, subject, metadata: { channel, messageId } }),
  });
  await called.text();
  const status = called.ok ? "sent" : "failed";
  await env.DB.prepare(
    `INSERT INTO notification_logs
     (message_id, user_id, channel_type, subject, content, status, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
  )
    .bind(messageId, user, channel, subject, content, status, new Date(started).toISOString())
    .run();
  return { channelType: channel, success: called.ok, status, messageId };
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const body = await request.text();
    if (!(await signed(request, body, env.SECRET))) {
      return answer({ success: false, error: "Invalid signature" }, 401);
    }
    const send = JSON.parse(body) as Send;
    if (typeof send.user_id !== "string" || !Array.isArray(send.channels)) {
      return answer({ success: false, error: "user_id and channels must be provided" }, 400);
    }
    const user = send.user_id;
    const results = await Promise.all(
      send.channels.map((channel) => deliver(env, user, String(channel), send)),
    );
    const message = `${request.method} ${request.url} 200`;
    console.log(JSON.stringify({ level: "info", message, user_id: user, results: results.length }));
    return answer({ success: true, results });
  },
};
