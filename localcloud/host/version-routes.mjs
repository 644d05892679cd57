import { UnsupportedBinding } from "./bindings.mjs";
import { BootError } from "./boot-error.mjs";
import { ControlError } from "./control-channel.mjs";
import { DeliveryLost } from "./door.mjs";
import { InvalidRoutes, RoutingTable } from "./routing-table.mjs";

const ID = /^[0-9A-Za-z-]{1,64}$/;

/**
 * The control channel's routes to what runs: versions, their events, the routing table.
 *
 * @param {{versions: import("./versions.mjs").Versions, edge: import("./edge.mjs").Edge}} parts
 * @returns {[string, RegExp, Function][]}
 */
export function versionRoutes({ versions, edge }) {
  const one = /^\/versions\/([^/]+)$/;
  return [
    ["PUT", one, (call) => putVersion(versions, call)],
    ["DELETE", one, (call) => deleteVersion(versions, call)],
    ["POST", /^\/versions\/([^/]+)\/(queue|scheduled)$/, (call) => deliver(versions, call)],
    ["PUT", /^\/tails$/, (call) => putTails(versions, call)],
    ["PUT", /^\/clock$/, (call) => putClock(versions, call)],
    ["PUT", /^\/routes$/, (call) => putRoutes(versions, edge, call)],
  ];
}

/** With `?validate` a start is judged as at an upload; else the version was accepted before. */
async function putVersion(versions, { params: [id], query, json }) {
  const spec = json();
  const missing = ["script", "modulesDir", "mainModule", "compatibilityDate"].filter(
    (member) => typeof spec[member] !== "string",
  );
  if (!ID.test(id) || missing.length > 0) {
    const reason = missing.length > 0 ? `${missing.join(", ")} is missing` : "its id isn't one";
    throw new ControlError(400, "invalid_version", `The version can't start: ${reason}.`);
  }
  try {
    return await versions.put({ ...spec, id }, { validates: query.has("validate") });
  } catch (error) {
    if (error instanceof BootError) throw new ControlError(422, "boot_failed", error.message);
    if (error instanceof UnsupportedBinding) {
      throw new ControlError(422, "unsupported_binding", error.message);
    }
    throw error;
  }
}

async function deleteVersion(versions, { params: [id] }) {
  if (!(await versions.delete(id))) throw notRunning(id);
  return { ok: true };
}

async function deliver(versions, { params: [id, kind], json }) {
  const version = versions.get(id);
  if (version === undefined) throw notRunning(id);
  if (version.state !== "ready") {
    throw new ControlError(503, "version_restarting", `The version ${id} is starting again.`);
  }
  try {
    const decided = await version.deliver(kind, json());
    // The runtime logs uncaught exceptions of requests only.
    if (decided.outcome !== "ok") versions.tell(version, `${kind}() ended: ${decided.outcome}`);
    return decided;
  } catch (error) {
    if (!(error instanceof DeliveryLost)) throw error;
    throw new ControlError(502, "delivery_lost", error.message);
  }
}

/** The Workers that somebody watches. */
async function putTails(versions, { json }) {
  const { scripts } = json();
  if (!Array.isArray(scripts)) {
    throw new ControlError(400, "invalid_tails", "scripts must be a list of names.");
  }
  await versions.watch(scripts);
  return { ok: true };
}

/** Milliseconds by which the Workers' clock is ahead of the real time. */
async function putClock(versions, { json }) {
  const { offset_ms: offsetMs } = json();
  if (!Number.isSafeInteger(offsetMs)) {
    throw new ControlError(400, "invalid_clock", "offset_ms must be a whole number.");
  }
  await versions.setClock(offsetMs);
  return { ok: true };
}

function putRoutes(versions, edge, { json }) {
  const document = json();
  if (document.generation < edge.generation) {
    throw new ControlError(
      409,
      "stale_generation",
      `Generation ${document.generation} is older than ${edge.generation}, which is in force.`,
    );
  }
  let table;
  try {
    table = new RoutingTable(document);
  } catch (error) {
    if (error instanceof InvalidRoutes) throw new ControlError(422, error.code, error.message);
    throw error;
  }
  const absent = table.versionIds().filter((id) => versions.get(id) === undefined);
  if (absent.length > 0) {
    throw new ControlError(422, "version_not_running", `Not running: ${absent.join(", ")}.`);
  }
  edge.route(table);
  return { ok: true, generation: table.generation };
}

const notRunning = (id) =>
  new ControlError(404, "version_not_found", `No version ${id} runs here.`);
