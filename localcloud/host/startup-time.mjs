import { readFileSync } from "node:fs";
import { workerdConfig } from "./capnp-text.mjs";
import { localFlags } from "./version-config.mjs";
import { Workerd } from "./workerd.mjs";

/**
 * CPU time that a Worker's start may take, in ms: parsing it and running its top level.
 * Source: developers.cloudflare.com/workers/platform/limits, "Worker startup time".
 */
export const MAX_STARTUP_MS = 1000;

/** What Cloudflare answers beyond it, with code 10021. */
export const STARTUP_EXCEEDED = "Script startup exceeded CPU time limit.";

/**
 * What the runtime itself needs before a Worker's first line, in ms of the reference machine: the
 * start of the process, and for Python the restored interpreter and the snapshot that is written.
 */
const RUNTIME_MS = { javascript: 30, python: 450 };

/**
 * CPU time of the reference work on the machine that the two figures above were measured on, in
 * microseconds. A machine that is slower, or busy with other programs, may take longer in
 * proportion, so that it refuses no Worker that production takes.
 */
const REFERENCE_MICROSECONDS = 5800;
const REFERENCE_TURNS = 4_000_000;
const MEASURED_TIMES = 3;
const BARE = "bare-start";
const BARE_TIMEOUT_MS = 100_000;

/**
 * CPU time of a process's first thread, which runs the start of its Worker.
 *
 * @param {number} pid
 * @returns {number | null} in ms; null where the system doesn't tell (all but Linux)
 */
export function firstThreadMs(pid) {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ");
    return Number(nanoseconds) / 1e6;
  } catch {
    return null;
  }
}

/**
 * The part of a start's CPU time that the Worker itself took.
 *
 * @param {number} spentMs what `firstThreadMs` told when the process listened
 * @param {{python: boolean, slowness?: number}} start
 * @returns {number} in whole ms of the reference machine
 */
export function startupMs(spentMs, { python, slowness = machineSlowness() }) {
  const runtime = python ? RUNTIME_MS.python : RUNTIME_MS.javascript;
  return Math.max(0, Math.round(spentMs / slowness - runtime));
}

/** How much slower than the reference machine this one is at the moment; at least 1. */
export function machineSlowness() {
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < MEASURED_TIMES; time += 1) {
    const before = process.cpuUsage();
    referenceWork(REFERENCE_TURNS);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, user + system);
  }
  return Math.max(1, best / REFERENCE_MICROSECONDS);
}

/**
 * How much slower than on the reference machine an empty Python Worker starts at the moment.
 *
 * Arithmetic doesn't tell: a start moves tens of megabytes, so that on a machine whose caches
 * others use, too, it takes several times as long while arithmetic hardly slows down.
 *
 * @param {{binary: string, runDir: string, ledger: object, bundle: {cacheDir: string},
 *   snapshots: import("./snapshot-cache.mjs").SnapshotCache,
 *   baseline: import("./python-baseline.mjs").PythonBaseline}} runtime
 * @returns {Promise<number>} at least 1
 * @throws {import("./workerd.mjs").WorkerdBootError} the runtime itself doesn't start
 */
export async function pythonSlowness({ binary, runDir, ledger, bundle, snapshots, baseline }) {
  const snapshot = snapshots.open(BARE, await baseline.have());
  const workerd = new Workerd({ name: BARE, binary, runDir, ledger });
  try {
    await workerd.start({
      config: BARE_CONFIG,
      args: [`--pyodide-bundle-disk-cache-dir=${bundle.cacheDir}`, ...snapshot.args],
      sockets: ["http"],
      timeoutMs: BARE_TIMEOUT_MS,
    });
    return Math.max(1, firstThreadMs(workerd.pid) / RUNTIME_MS.python);
  } finally {
    await workerd.stop(0);
    snapshot.discard();
  }
}

const BARE_CONFIG = workerdConfig({
  services: [
    {
      name: "worker",
      worker: {
        modules: [{ name: "empty.py", pythonModule: "" }],
        compatibilityDate: "2026-10-01",
        // It has no files in which the runtime's own module could look for the SDK.
        compatibilityFlags: [...localFlags(["python_workers"]), "disable_python_external_sdk"],
        globalOutbound: "nowhere",
      },
    },
    { name: "nowhere", network: { allow: [] } },
  ],
  sockets: [{ name: "http", address: "127.0.0.1:0", http: {}, service: "worker" }],
});

/** Xorshift: arithmetic that no compiler leaves out, without memory. */
function referenceWork(turns) {
  let state = 0x9e3779b9;
  for (let turn = 0; turn < turns; turn += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}
