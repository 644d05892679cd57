// Makes the load of `notifyctl perf` with autocannon. Standard input: one JSON object (`Load` in
// load.py says what it holds); standard output: one with what came back.
"use strict";

const { createHash, createHmac } = require("node:crypto");
const { readFileSync } = require("node:fs");
const tls = require("node:tls");

// autocannon 8 takes every certificate. Signed requests go to the right server only.
const connect = tls.connect;
tls.connect = (port, host, options) => connect(port, host, { ...options, rejectUnauthorized: true });

const autocannon = require("autocannon");

const order = JSON.parse(readFileSync(0, "utf8"));
const statuses = {};
const durations = [];
let number = 0;
let unsent = 0;
let why = "";
let ended;

const instance = autocannon(
  {
    url: order.url,
    amount: order.requests,
    connections: Math.min(order.concurrency, order.requests),
    timeout: order.timeout,
    sampleInt: 50,
    skipAggregateResult: true,
    requests: [{ method: order.method, path: order.target, setupRequest, onResponse }],
  },
  (error, result) => {
    if (error) throw error;
    const seconds = ended === undefined ? 0 : (ended - started) / 1000;
    process.stdout.write(
      JSON.stringify({ statuses, durations, seconds, unsent, unanswered: result.errors, why }),
    );
  },
);
const started = performance.now();
instance.on("response", (_client, status, _bytes, milliseconds) => {
  statuses[status] = (statuses[status] ?? 0) + 1;
  durations.push(milliseconds);
  ended = performance.now();
});

instance.on("reqError", (error) => {
  why ||= String(error.message).slice(0, 200);
});

function setupRequest(request) {
  number += 1;
  const body = order.body?.replaceAll("{number}", String(number)) ?? "";
  const headers = { ...order.headers };
  if (order.key) {
    const timestamp = String(Date.now());
    const digest = createHash("sha256").update(body).digest("hex");
    const text = [timestamp, order.method, order.target, digest].join("\n");
    headers["X-Timestamp"] = timestamp;
    headers["X-Signature-Version"] = "2";
    headers["X-Signature"] = createHmac("sha256", order.key).update(text).digest("hex");
  }
  return { ...request, body, headers };
}

function onResponse(status, body) {
  if (!order.sends || status >= 400) return;
  try {
    if (JSON.parse(body).results.every((result) => result.status === "sent")) return;
  } catch {
    // An answer that isn't the service's is counted like one that says 'failed'.
  }
  unsent += 1;
}
