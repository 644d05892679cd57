/** A Worker that doesn't start by its own fault; the message is meant for its author. */
export class BootError extends Error {
  constructor(message) {
    super(message);
    this.name = "BootError";
  }
}

const TRACEBACK = /PythonError: (Traceback \(most recent call last\):\n[\s\S]*?)(?:\n\s*\n|$)/;
/** Where the runtime mounts a Worker's modules. */
const FRAME = /File "\/session\/metadata\/([^"]+)", line (\d+)/g;

/**
 * What a person needs to know of a failed start: for a Python exception its last line and the
 * deepest place in the Worker's own files, else the runtime's first complaint.
 *
 * @param {string[]} output what the runtime wrote, one entry per message
 * @param {string} fallback the sentence for a silent end
 * @returns {BootError}
 */
export function bootError(output, fallback) {
  const text = output.join("\n");
  const traceback = TRACEBACK.exec(text);
  if (traceback === null) return new BootError(firstComplaint(output) ?? fallback);
  const lines = traceback[1].trimEnd().split("\n");
  const last = lines.findLast((line) => /^\S/.test(line)) ?? lines.at(-1);
  const place = [...traceback[1].matchAll(FRAME)].at(-1);
  return new BootError(place ? `${last} (${place[1]}, line ${place[2]})` : last);
}

/** The runtime's own sentence, without its service name and without paths of this machine. */
function firstComplaint(output) {
  const line = output.find((entry) => entry.includes("service ")) ?? output[0];
  return line
    ?.split("\n")[0]
    .replace(/^service \S+ /, "")
    .replace(/(^|[\s"'(=])\/(?!session\/)[^\s"')]+/g, "$1…")
    .slice(0, 500);
}
