import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { BootError } from "./boot-error.mjs";

/** By file name, for modules whose content type says nothing. */
const KINDS = { ".py": "pythonModule", ".js": "esModule", ".mjs": "esModule" };
/** By content type, as wrangler names the kinds of modules. */
const TYPES = {
  "application/javascript+module": "esModule",
  "application/javascript": "commonJsModule",
  "application/wasm": "wasm",
  "application/octet-stream": "data",
  "text/plain": "text",
  "text/x-python": "pythonModule",
};
const TEXTS = new Set(["esModule", "commonJsModule", "text", "pythonModule"]);

/** Rules for the headers of static assets: uploaded with the modules, but none of them. */
const HEADERS = "_headers";

/**
 * Read a Worker's modules from its folder, sorted by name, the main module first.
 *
 * @param {string} dir the bundle's folder; each file is a module named by its relative path
 * @param {string} mainModule
 * @returns {Promise<{name: string, body: Buffer}[]>}
 * @throws {BootError} the main module is missing, or the folder
 */
export async function readModules(dir, mainModule) {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((error) => {
    if (error.code === "ENOENT") throw new BootError("The version's modules are missing.");
    throw error;
  });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath ?? entry.path, entry.name)))
    .map((name) => name.split(path.sep).join("/"))
    .filter((name) => !name.split("/").includes("__pycache__") && name !== HEADERS)
    .sort();
  if (!names.includes(mainModule)) {
    throw new BootError(`The version has no main module ${mainModule}.`);
  }
  const ordered = [mainModule, ...names.filter((name) => name !== mainModule)];
  return await Promise.all(
    ordered.map(async (name) => ({ name, body: await readFile(path.join(dir, name)) })),
  );
}

/** The text of `_headers` in a Worker's folder, empty where there is none. @param {string} dir */
export async function readHeaderRules(dir) {
  return await readFile(path.join(dir, HEADERS), "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

/**
 * The modules in workerd's terms: what their names say, else what their content types say.
 *
 * The name comes first, since some clients upload every module as `application/javascript+module`.
 *
 * @param {{name: string, body: Buffer}[]} modules
 * @param {Record<string, string>} [types] content type by module
 * @returns {object[]}
 */
export function workerdModules(modules, types = {}) {
  return modules.map(({ name, body }) => {
    const type = TYPES[types[name]];
    const kind = type === "commonJsModule" ? type : (KINDS[path.extname(name)] ?? type ?? "data");
    return { name, [kind]: TEXTS.has(kind) ? body.toString("utf8") : body };
  });
}
