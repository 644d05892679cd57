import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { workerdConfig } from "./capnp-text.mjs";
import { pythonFlags } from "./version-config.mjs";
import { Workerd } from "./workerd.mjs";

const FILE = "snapshot.bin";
const CHECKSUM = "sha256";
const BOOT_TIMEOUT_MS = 100_000;
/** The runtime's own module looks for the SDK in a Worker's files, and this Worker has none. */
const FLAGS = [...pythonFlags, "disable_python_external_sdk", "disable_python_dedicated_snapshot"];

/**
 * The memory of a Python interpreter that has started and has run no code of a Worker.
 *
 * New versions start from it, as they do in production ("baseline snapshot"): a start then costs
 * 0.2 s in place of 2 s, and nearly all of it is the Worker's own top level.
 */
export class PythonBaseline {
  #options;
  #made = null;

  /**
   * @param {{dir: string, binary: string, release: string, runDir: string, ledger: object,
   *   bundle: {cacheDir: string, fingerprint: string}}} options `dir` may be shared by hosts
   */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Make the snapshot unless it is there and whole.
   *
   * @returns {Promise<string>} its file
   * @throws {import("./workerd.mjs").WorkerdBootError} the runtime itself doesn't start
   */
  async have() {
    this.#made ??= this.#find();
    try {
      return await this.#made;
    } catch (error) {
      this.#made = null;
      throw error;
    }
  }

  async #find() {
    const { dir, release, bundle } = this.#options;
    const parts = JSON.stringify([bundle.fingerprint, release, FLAGS]);
    const folder = path.join(dir, `baseline-${hash(parts).slice(0, 16)}`);
    const file = path.join(folder, FILE);
    if (await isWhole(folder)) return file;
    const draft = await this.#make();
    await rm(folder, { recursive: true, force: true });
    try {
      await rename(draft, folder);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      // Another host was faster: its snapshot does as well.
      if (!existsSync(file)) throw error;
    }
    return file;
  }

  async #make() {
    const { dir, binary, runDir, ledger, bundle } = this.#options;
    await mkdir(dir, { recursive: true });
    const draft = await mkdtemp(path.join(dir, "draft-"));
    const workerd = new Workerd({ name: "python-baseline", binary, runDir, ledger });
    try {
      await workerd.start({
        config: CONFIG,
        args: [
          `--pyodide-bundle-disk-cache-dir=${bundle.cacheDir}`,
          `--python-snapshot-dir=${draft}`,
          "--python-save-baseline-snapshot",
        ],
        sockets: ["http"],
        timeoutMs: BOOT_TIMEOUT_MS,
      });
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
    await workerd.stop();
    await writeFile(path.join(draft, CHECKSUM), hash(await readFile(path.join(draft, FILE))));
    return draft;
  }
}

const CONFIG = workerdConfig({
  services: [
    {
      name: "worker",
      worker: {
        modules: [{ name: "empty.py", pythonModule: "" }],
        compatibilityDate: "2026-10-01",
        compatibilityFlags: FLAGS,
        globalOutbound: "nowhere",
      },
    },
    { name: "nowhere", network: { allow: [] } },
  ],
  sockets: [{ name: "http", address: "127.0.0.1:0", http: {}, service: "worker" }],
});

const hash = (content) => createHash("sha256").update(content).digest("hex");

/** A host may have been killed, or the disk full, while the file was written. */
async function isWhole(folder) {
  try {
    const [content, checksum] = await Promise.all([
      readFile(path.join(folder, FILE)),
      readFile(path.join(folder, CHECKSUM), "utf8"),
    ]);
    return hash(content) === checksum;
  } catch (error) {
    if (error.code === "ENOENT") return false;
    throw error;
  }
}
