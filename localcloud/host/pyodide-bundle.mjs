import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeBundle } from "./capnp-bundle.mjs";

/**
 * The Python runtime that workerd loads, made from the npm package `pyodide`.
 *
 * workerd never downloads nor checks the bundle named `dev`; it reads it from
 * `--pyodide-bundle-disk-cache-dir`. The adaptations are those of workerd's own build
 * (src/pyodide/helpers.bzl, `_REPLACEMENTS_COMMON` and `_REPLACEMENTS_COMMON_314`): the runtime
 * forbids run-time code generation and passes its own hooks in their place.
 */

const FILE_NAME = "pyodide_dev.capnp.bin";

const HOOKS = [
  "addEventListener",
  "getRandomValues",
  "location",
  "monotonicDateNow",
  "newWasmModule",
  "patchedApplyFunc",
  "patchedLoadLibData",
  "wasmInstantiate",
  "patched_PyEM_CountFuncParams",
];
const IMPORT_HOOKS = `import { ${HOOKS.join(", ")} } from "pyodide-internal:builtin_wrappers";`;
const REFUSE_EVAL =
  "(() => { throw new Error('Code generation from strings is not allowed in a Worker'); })()";

/** [text in pyodide.asm.mjs, what stands there for workerd]; every occurrence is replaced. */
const ADAPTATIONS = [
  ["new WebAssembly.Module(", "newWasmModule("],
  ["WebAssembly.instantiate(", "wasmInstantiate("],
  ["Date.now", "monotonicDateNow"],
  ["reportUndefinedSymbols()", "Module.reportUndefinedSymbolsNoOp()"],
  ["crypto.getRandomValues(", "getRandomValues(Module, "],
  ["eval(func)", REFUSE_EVAL],
  ["eval(data)", REFUSE_EVAL],
  ["eval(UTF8ToString(ptr))", REFUSE_EVAL],
  [
    "function loadLibData(){",
    "function loadLibData(){" +
      "const library = patchedLoadLibData(Module, libName, flags.rpath);" +
      "return flags.loadAsync ? Promise.resolve(library) : library;}" +
      "function loadLibDataOfPyodide(){",
  ],
  ["getMemory(", "Module.getMemoryPatched(Module, libName, "],
  [
    "export default _createPyodideModule;",
    `${IMPORT_HOOKS}\nexport default _createPyodideModule; export { _createPyodideModule };`,
  ],
];

/**
 * Rewrite Emscripten's JavaScript for workerd.
 *
 * @param {string} source text of pyodide.asm.mjs
 * @returns {string}
 * @throws {Error} a place to adapt is missing: the installed Pyodide is another one than expected
 */
export function adaptForWorkerd(source) {
  return ADAPTATIONS.reduce((text, [target, replacement]) => {
    if (!text.includes(target)) {
      throw new Error(
        `pyodide.asm.mjs has no ${JSON.stringify(target)}: this version of the npm package ` +
          "pyodide does not fit the installed workerd. Install the versions of package-lock.json.",
      );
    }
    return text.replaceAll(target, () => replacement);
  }, source);
}

/**
 * Have the bundle in a folder of its own below `root`, named by what it was made from.
 *
 * Several hosts may do so at once: the folder appears whole, by a rename.
 *
 * @param {{pyodideDir: string, root: string}} places the npm package; the cache, made when missing
 * @returns {Promise<{cacheDir: string, fingerprint: string}>} workerd's cache folder; SHA-256 over
 *   the package's files and the adaptations
 * @throws {Error} a file of the package is missing, or `adaptForWorkerd` refuses it
 */
export async function havePyodideBundle({ pyodideDir, root }) {
  const [script, wasm, library] = await Promise.all(
    ["pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"].map((name) =>
      readFile(path.join(pyodideDir, name)),
    ),
  );
  const hash = createHash("sha256").update(JSON.stringify(ADAPTATIONS));
  for (const part of [script, wasm, library]) hash.update(part);
  const fingerprint = hash.digest("hex");
  const cacheDir = path.join(root, `pyodide-${fingerprint.slice(0, 16)}`);
  if (existsSync(path.join(cacheDir, FILE_NAME))) return { cacheDir, fingerprint };

  const message = encodeBundle([
    {
      name: "pyodideRuntime-internal:pyodide.asm",
      kind: "src",
      body: Buffer.from(adaptForWorkerd(script.toString("utf8"))),
    },
    { name: "pyodideRuntime-internal:pyodide.asm.wasm", kind: "wasm", body: wasm },
    { name: "pyodideRuntime-internal:python_stdlib.zip", kind: "data", body: library },
  ]);
  await mkdir(root, { recursive: true });
  const draft = await mkdtemp(path.join(root, "draft-"));
  await writeFile(path.join(draft, FILE_NAME), message);
  try {
    await rename(draft, cacheDir);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another host was faster: what it wrote is the same.
    if (!existsSync(path.join(cacheDir, FILE_NAME))) throw error;
  }
  return { cacheDir, fingerprint };
}
