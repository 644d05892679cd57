/** Which file is served at a path without a redirect, the file of that very name aside. */
const IMPLIED = {
  "auto-trailing-slash": (path) => (path.endsWith("/") ? [`${path}index.html`] : [`${path}.html`]),
  "force-trailing-slash": (path) =>
    path.endsWith("/") ? [`${path}index.html`, `${path.slice(0, -1)}.html`] : [],
  "drop-trailing-slash": (path) => {
    if (path === "/") return ["/index.html"];
    return path.endsWith("/") ? [] : [`${path}.html`, `${path}/index.html`];
  },
  none: () => [],
};

/** The one path at which an HTML file is meant to be seen. */
const CANONICAL = {
  "auto-trailing-slash": (file) => file.replace(/\/index\.html$/, "/").replace(/\.html$/, ""),
  "force-trailing-slash": (file) => file.replace(/\/index\.html$/, "/").replace(/\.html$/, "/"),
  "drop-trailing-slash": (file) =>
    file.replace(/\/index\.html$/, "").replace(/\.html$/, "") || "/",
};

/**
 * The files of a version by path, as Cloudflare's `html_handling` and `not_found_handling` see
 * them (https://developers.cloudflare.com/workers/static-assets/routing/).
 */
export class HtmlPaths {
  #files;
  #handling;
  #notFound;

  /**
   * @param {Record<string, object>} files path → file
   * @param {{html_handling?: string, not_found_handling?: string}} config
   */
  constructor(files, config) {
    this.#files = new Map(Object.entries(files));
    this.#handling = config.html_handling ?? "auto-trailing-slash";
    this.#notFound = config.not_found_handling ?? "none";
  }

  /**
   * @param {string} path decoded
   * @param {boolean} withNotFound whether `not_found_handling` counts
   * @returns {{file: object, status: number} | {redirect: string} | null}
   */
  resolve(path, withNotFound) {
    const exact = this.#files.get(path);
    if (exact !== undefined && (!path.endsWith(".html") || this.#handling === "none")) {
      return { file: exact, status: 200 };
    }
    const implied = this.#files.get(this.#implied(path));
    // A path that names a file, or the index, has a nicer one as a rule.
    const named = path.endsWith(".html") || path.endsWith("/index");
    if (implied !== undefined && !named) return { file: implied, status: 200 };
    const redirect = this.#redirect(path, exact);
    if (redirect !== undefined) return { redirect };
    const file = exact ?? implied;
    if (file !== undefined) return { file, status: 200 };
    return withNotFound ? this.#fallback(path) : null;
  }

  #implied(path) {
    return IMPLIED[this.#handling](path).find((name) => this.#files.has(name));
  }

  /** Where to go for the HTML file that the path means; undefined where it may stay. */
  #redirect(path, exact) {
    if (this.#handling === "none") return undefined;
    const stem = path.replace(/\/(index(\.html)?)?$/, "").replace(/\.html$/, "");
    const meant = exact === undefined ? [`${stem}/index.html`, `${stem}.html`] : [path];
    for (const file of meant.filter((name) => this.#files.has(name))) {
      const target = CANONICAL[this.#handling](file);
      // Only to a path that leads to this very file, or two of them would send in circles.
      const safe = !this.#files.has(target) && this.#implied(target) === file;
      if (target !== path && safe) return target;
    }
    return undefined;
  }

  #fallback(path) {
    if (this.#notFound === "single-page-application") {
      const file = this.#files.get("/index.html");
      return file === undefined ? null : { file, status: 200 };
    }
    if (this.#notFound !== "404-page") return null;
    for (let folder = path; folder !== ""; ) {
      folder = folder.slice(0, folder.lastIndexOf("/"));
      const file = this.#files.get(`${folder}/404.html`);
      if (file !== undefined) return { file, status: 404 };
    }
    return null;
  }
}
