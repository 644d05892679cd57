import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * The processes that a host started, on disk, so that the next host can end what a killed one
 * left behind. A record names a process by id and start time: an id alone may have been reused.
 */
export class ProcessLedger {
  #dir;

  /** @param {string} dir folder of the records; made when missing */
  constructor(dir) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  /**
   * Record a process that now runs. One that has ended already isn't recorded.
   *
   * @param {number} pid
   * @param {string} role what it is, for the log
   */
  add(pid, role) {
    const born = startTime(pid);
    if (born === null) return;
    writeFileSync(this.#file(pid), JSON.stringify({ pid, born, role }), { mode: 0o600 });
  }

  /** @param {number} pid a process that has ended */
  remove(pid) {
    rmSync(this.#file(pid), { force: true });
  }

  /**
   * The recorded processes that still run, apart from this one.
   *
   * @returns {{pid: number, born: string, role: string}[]}
   */
  running() {
    return this.#records().filter(
      ({ pid, born }) => pid !== process.pid && startTime(pid) === born,
    );
  }

  /**
   * Kill what an earlier host left running, wait until it is gone, and forget every record.
   *
   * @param {number} [timeoutMs] bound on the wait
   * @returns {Promise<{pid: number, role: string}[]>} the processes that were ended
   * @throws {Error} one of them is still there after the wait
   */
  async endLeftovers(timeoutMs = 5000) {
    const leftovers = this.running();
    for (const { pid } of leftovers) kill(pid);
    const deadline = Date.now() + timeoutMs;
    for (const { pid, born, role } of leftovers) {
      while (startTime(pid) === born) {
        if (Date.now() > deadline) {
          throw new Error(`Process ${pid} (${role}) of an earlier start does not end. End it.`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    for (const { pid } of this.#records()) this.remove(pid);
    return leftovers;
  }

  #file(pid) {
    return path.join(this.#dir, `${pid}.json`);
  }

  #records() {
    return readdirSync(this.#dir)
      .filter((name) => /^\d+\.json$/.test(name))
      .flatMap((name) => {
        try {
          const record = JSON.parse(readFileSync(path.join(this.#dir, name), "utf8"));
          if (`${record.pid}.json` !== name || typeof record.born !== "string") throw new Error();
          return [record];
        } catch {
          // A record torn by a crash, or of another form, names nobody that could be verified.
          rmSync(path.join(this.#dir, name), { force: true });
          return [];
        }
      });
  }
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/**
 * When a process started: ticks since the boot with the boot's id on Linux, else ps's date.
 *
 * @param {number} pid
 * @returns {string | null} null where it doesn't run (a zombie doesn't)
 */
export function startTime(pid) {
  if (process.platform === "linux") {
    try {
      // The command's name may hold spaces and brackets: count fields after the last bracket.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      return stat[0] === "Z" ? null : `${boot}/${stat[19]}`;
    } catch {
      return null;
    }
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}
