// Loaded by every Node process of a guarded command, as sitecustomize.py by those of Python.
import { appendFileSync } from "node:fs";
import net from "node:net";

const log = process.env.OUTGOING_LOG;
const isLocal = (host) =>
  host === "localhost" ||
  host.endsWith(".localhost") ||
  host === "::1" ||
  (net.isIPv4(host) && host.startsWith("127."));

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function guarded(...given) {
  const [first, second] = Array.isArray(given[0]) ? given[0] : given;
  const options = typeof first === "object" ? first : { port: first, host: second };
  const host = typeof options.host === "string" ? options.host : "localhost";
  if (log !== undefined && options.path === undefined && !isLocal(host)) {
    appendFileSync(log, `net.connect ${host}\n`);
    throw new Error(`The test allows no connection to ${host}.`);
  }
  return connect.apply(this, given);
};
