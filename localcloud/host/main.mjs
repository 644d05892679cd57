import { once } from "node:events";
import { createInterface } from "node:readline";
import { Host, StateInUse } from "./host.mjs";

/**
 * Entry point: one JSON line on standard input is the order; the end of standard input, SIGTERM
 * or SIGINT is the order to leave. One JSON line on standard output tells the ports.
 *
 * Exit codes: 0 left as asked, 1 could not start, 3 the edge's port is taken, 4 the state folder
 * is in use, 64 the order isn't valid.
 */
const REQUIRED = ["token", "stateDir", "edgePort", "brokerUrl", "brokerToken"];

const say = (diagnostic) => process.stderr.write(`${JSON.stringify(diagnostic)}\n`);

async function readOrder(lines) {
  const [line] = await Promise.race([once(lines, "line"), once(lines, "close").then(() => [""])]);
  try {
    const order = JSON.parse(line);
    const missing = REQUIRED.filter((member) => order[member] === undefined);
    if (missing.length === 0) return order;
    say({ error: "invalid_order", message: `The order lacks ${missing.join(", ")}.` });
  } catch {
    say({ error: "invalid_order", message: "Standard input must begin with one line of JSON." });
  }
  return process.exit(64);
}

function explain(error, order) {
  if (error.code === "EADDRINUSE") return [3, { error: "port_in_use", port: order.edgePort }];
  if (error instanceof StateInUse) {
    return [4, { error: "state_in_use", pid: error.pid, message: error.message }];
  }
  if (error.code === "ENOSPC") return [1, { error: "disk_full", message: "The disk is full." }];
  return [1, { error: "start_failed", message: error.message, output: error.output?.slice(0, 20) }];
}

const lines = createInterface(process.stdin);
const order = await readOrder(lines);
const host = new Host(order);

let leaving = null;
const leave = (code) => {
  leaving ??= host.stop().then(
    () => process.exit(code),
    (error) => {
      say({ error: "stop_failed", message: error.message });
      process.exit(1);
    },
  );
};
lines.once("close", () => leave(0));
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => leave(0));
process.once("uncaughtException", (error) => {
  say({ error: "unexpected", message: `${error.name}: ${error.message}`, stack: error.stack });
  leave(1);
});

try {
  const ports = await host.start();
  process.stdout.write(`${JSON.stringify(ports)}\n`);
} catch (error) {
  const [code, diagnostic] = explain(error, order);
  say(diagnostic);
  process.exitCode = code;
  leave(code);
}
