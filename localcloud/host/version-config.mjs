import { readFileSync } from "node:fs";
import { convertBindings, countSubrequests } from "./bindings.mjs";
import { workerdConfig } from "./capnp-text.mjs";
import { workerdModules } from "./worker-modules.mjs";

const source = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const DOOR = source("door.worker.mjs");
const EXTENSIONS = [
  ["localcloud:data-set", source("data-set.binding.mjs")],
  ["localcloud:rate-limit", source("rate-limit.binding.mjs")],
  ["localcloud:subrequests", source("subrequests.binding.mjs")],
];

/** Whether a Worker with these flags is written in Python. @param {string[]} flags */
export const isPython = (flags) => flags.includes("python_workers");

/** Sockets of a version's process: requests go to `http`, events to `door`. */
export const VERSION_SOCKETS = ["http", "door"];

/** Flags that select the runtime made by pyodide-bundle.mjs. The `no_` flags are needed because the
 * highest-numbered runtime flag wins over the development one. */
export const pythonFlags = [
  "python_workers",
  "python_workers_development",
  "no_python_workers_20250116",
  "no_python_workers_314",
  "experimental",
];
const DEDICATED = "python_dedicated_snapshot";
const NOT_DEDICATED = `disable_${DEDICATED}`;

/**
 * Production's flags plus those that the local runtime needs.
 *
 * In production a runtime flag that is taken away here implies dedicated snapshots: memory is kept
 * after the top level has run, and randomness is refused until then (workerd,
 * src/workerd/io/compatibility-date.capnp).
 *
 * @param {string[]} flags as declared for production
 * @returns {string[]}
 */
export function localFlags(flags) {
  if (!isPython(flags)) return flags;
  const implied = flags.includes(NOT_DEDICATED) ? [] : [DEDICATED];
  return [...new Set([...flags, ...pythonFlags, ...implied])];
}

/** Whether the memory after the top level is kept. @param {string[]} flags from `localFlags` */
export const keepsTopLevel = (flags) => flags.includes(DEDICATED) && !flags.includes(NOT_DEDICATED);

/**
 * The config of a version's process, and the environment that carries its secrets.
 *
 * A Worker's own `fetch` reaches loopback addresses and no other: local means local.
 *
 * @param {object} spec what PUT /versions/{id} takes
 * @param {{name: string, body: Buffer}[]} modules
 * @param {{store: object, broker: object, doorToken: string,
 *   traces: import("./trace-sink.mjs").TraceSink, sockets: Record<string, string>}} surroundings `sockets`: path of each Unix socket
 * @returns {{config: string, env: Record<string, string>}}
 * @throws {import("./bindings.mjs").UnsupportedBinding}
 */
export function versionConfig(spec, modules, surroundings) {
  const { bindings, services, env } = convertBindings(spec.bindings ?? [], {
    ...surroundings,
    metadata: spec.metadata ?? { id: "", tag: "", timestamp: "" },
  });
  // A Python Worker's other files are data to it, whatever they hold.
  const types = isPython(spec.compatibilityFlags ?? []) ? {} : spec.moduleTypes;
  const worker = {
    modules: workerdModules(modules, types),
    compatibilityDate: spec.compatibilityDate,
    compatibilityFlags: localFlags(spec.compatibilityFlags ?? []),
    globalOutbound: "loopback",
    bindings: spec.subrequests ? countSubrequests(bindings, spec.subrequests) : bindings,
    tails: ["door"],
  };
  const door = {
    modules: [{ name: "door.js", esModule: DOOR }],
    compatibilityDate: "2026-10-01",
    compatibilityFlags: ["experimental", "service_binding_extra_handlers"],
    globalOutbound: "nowhere",
    bindings: [
      { name: "WORKER", service: "worker" },
      { name: "TRACES", service: "traces" },
      { name: "TOKEN", fromEnvironment: "DOOR_TOKEN" },
    ],
  };
  const socket = (name, service) => ({
    name,
    address: `unix:${surroundings.sockets[name]}`,
    http: {},
    service,
  });
  return {
    env: { ...env, DOOR_TOKEN: surroundings.doorToken },
    config: workerdConfig({
      services: [
        { name: "worker", worker },
        { name: "door", worker: door },
        { name: "loopback", network: { allow: ["local"] } },
        { name: "nowhere", network: { allow: [] } },
        surroundings.traces.service("traces", spec.id),
        ...services,
      ],
      sockets: [socket("http", "worker"), socket("door", "door")],
      extensions: [
        { modules: EXTENSIONS.map(([name, esModule]) => ({ name, internal: true, esModule })) },
      ],
    }),
  };
}
