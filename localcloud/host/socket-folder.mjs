import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const PREFIX = "notification-";
/** A socket's address has 104 bytes on macOS and 108 on Linux (unix(4), unix(7)). */
const MAX_ROOT_BYTES = 70;

/**
 * Where the processes of a host listen for it: a folder of the user's own, out of reach for pages
 * in a browser. It lies in the system's temporary folder, since the address of a socket is short.
 */
export class SocketFolder {
  #dir;
  #count = 0;

  /** Make it, and remove what a killed host left. @param {string} runDir remembers its place */
  constructor(runDir) {
    const root = Buffer.byteLength(tmpdir()) > MAX_ROOT_BYTES ? "/tmp" : tmpdir();
    const record = path.join(runDir, "socket-folder");
    const left = readIfThere(record);
    if (path.dirname(left) === root && path.basename(left).startsWith(PREFIX)) {
      rmSync(left, { recursive: true, force: true });
    }
    this.#dir = mkdtempSync(path.join(root, PREFIX)); // with mode 0700
    writeFileSync(record, this.#dir, { mode: 0o600 });
  }

  /** A path that no other socket of this host has. @param {string} name */
  path(name) {
    this.#count += 1;
    return path.join(this.#dir, `${this.#count}-${name}`);
  }

  remove() {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}
