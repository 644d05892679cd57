import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { BootError } from "./boot-error.mjs";

const KINDS = { ".py": "pythonModule", ".js": "esModule", ".mjs": "esModule" };

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
 * The modules in workerd's terms: Python and JavaScript as such, the rest as data.
 *
 * @param {{name: string, body: Buffer}[]} modules
 * @returns {object[]}
 */
export function workerdModules(modules) {
  return modules.map(({ name, body }) => {
    const kind = KINDS[path.extname(name)];
    return kind === undefined ? { name, data: body } : { name, [kind]: body.toString("utf8") };
  });
}
