import { createHash } from "node:crypto";
import {
  linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync,
  utimesSync, writeFileSync,
} from "node:fs";
import path from "node:path";

const FILE = "snapshot.bin";
const BASELINE = "baseline.bin";
/** What the start that made the snapshot cost, as the answer of PUT /versions/{id} tells it. */
const STARTUP = "startup.json";
/** One is about 31 MB. */
const KEPT = 8;
const DRAFT = "draft-";
/** No boot takes this long: what is older was left by a host that was killed. */
const STALE_MS = 60 * 60 * 1000;

/**
 * Python memory snapshots, one per bundle: the memory after the Worker's top level has run.
 *
 * The key covers all that the memory depends on (modules, flags, runtime); variables, secrets and
 * metadata are read at start and are no part of it. Several hosts may share one folder.
 */
export class SnapshotCache {
  #dir;

  /** @param {string} dir made when missing; what killed hosts left half-written is removed */
  constructor(dir) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
    for (const draft of this.#folders((name) => name.startsWith(DRAFT))) {
      if (Date.now() - lastUse(draft) > STALE_MS) rmSync(draft, { recursive: true, force: true });
    }
  }

  /**
   * @param {{modules: {name: string, body: Buffer}[], runtime: string[]}} parts
   * @returns {string} hex SHA-256
   */
  static key({ modules, runtime }) {
    const hash = createHash("sha256").update(JSON.stringify(runtime));
    for (const { name, body } of modules) hash.update(`\0${name}\0${body.length}\0`).update(body);
    return hash.digest("hex");
  }

  /**
   * The runtime's arguments for a start with this key: load the snapshot, or make it.
   *
   * @param {string} key
   * @param {string} baseline the file that a start without a snapshot loads
   * @returns {{loaded: boolean, startupMs: number | null, args: string[],
   *   keep: (startupMs: number | null) => void, discard: () => void}} call `keep` once the Worker
   *   runs, else `discard`
   */
  open(key, baseline) {
    const folder = path.join(this.#dir, key);
    if (exists(path.join(folder, FILE))) {
      const now = new Date();
      utimesSync(folder, now, now);
      return {
        loaded: true,
        startupMs: startupOf(folder),
        args: [`--python-snapshot-dir=${folder}`, `--python-load-snapshot=${FILE}`],
        keep: () => {},
        discard: () => rmSync(folder, { recursive: true, force: true }),
      };
    }
    const draft = mkdtempSync(path.join(this.#dir, DRAFT));
    linkSync(baseline, path.join(draft, BASELINE));
    return {
      loaded: false,
      startupMs: null,
      args: [
        `--python-snapshot-dir=${draft}`,
        `--python-load-snapshot=${BASELINE}`,
        "--python-save-snapshot",
      ],
      keep: (startupMs) => this.#adopt(draft, folder, startupMs),
      discard: () => rmSync(draft, { recursive: true, force: true }),
    };
  }

  #adopt(draft, folder, startupMs) {
    if (!exists(path.join(draft, FILE)) || exists(folder)) {
      rmSync(draft, { recursive: true, force: true });
      return;
    }
    rmSync(path.join(draft, BASELINE));
    writeFileSync(path.join(draft, STARTUP), JSON.stringify({ startupMs }));
    renameSync(draft, folder);
    const kept = this.#folders((name) => !name.startsWith(DRAFT));
    kept.sort((a, b) => lastUse(b) - lastUse(a));
    for (const old of kept.slice(KEPT)) rmSync(old, { recursive: true, force: true });
  }

  #folders(wanted) {
    return readdirSync(this.#dir)
      .filter(wanted)
      .map((name) => path.join(this.#dir, name));
  }
}

const exists = (file) => statSync(file, { throwIfNoEntry: false }) !== undefined;

/** When a folder was last used, in ms; 0 where another host has just removed it. */
const lastUse = (folder) => statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function startupOf(folder) {
  try {
    return JSON.parse(readFileSync(path.join(folder, STARTUP), "utf8")).startupMs;
  } catch {
    return null; // made by an earlier release, or cut by a full disk: only the figure is lost
  }
}
