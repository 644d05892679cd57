import { createReadStream } from "node:fs";
import path from "node:path";
import { HeaderRules } from "./header-rules.mjs";
import { HtmlPaths } from "./html-paths.mjs";

const BROWSERS_ALWAYS_ASK = "public, max-age=0, must-revalidate";
/** From this compatibility date on, a browser's navigation prefers an asset (not_found_handling). */
const NAVIGATION_PREFERS_ASSETS = "2025-04-01";

/**
 * The static assets of one version, in front of its Worker.
 *
 * A file that fits is served without the Worker, unless `run_worker_first` says otherwise; all
 * other requests reach the Worker.
 */
export class AssetSite {
  #dir;
  #paths;
  #headerRules;
  #workerFirst;
  #navigationPrefersAssets;

  /**
   * @param {{dir: string, files: Record<string, {hash: string, size: number,
   *   contentType: string | null}>, config: object}} assets
   * @param {{compatibilityDate: string, compatibilityFlags?: string[], headers: string}} version
   *   `headers`: the content of `_headers`
   */
  constructor({ dir, files, config }, { compatibilityDate, compatibilityFlags = [], headers }) {
    this.#dir = dir;
    this.#paths = new HtmlPaths(files, config);
    this.#headerRules = new HeaderRules(headers);
    this.#workerFirst = config.run_worker_first ?? false;
    this.#navigationPrefersAssets =
      !compatibilityFlags.includes("assets_navigation_has_no_effect") &&
      (compatibilityDate >= NAVIGATION_PREFERS_ASSETS ||
        compatibilityFlags.includes("assets_navigation_prefers_asset_serving"));
  }

  /** Whether a request is answered here and not by the Worker. @param {object} request */
  answers({ url, headers }) {
    const { pathname } = split(url);
    const hasRules = Array.isArray(this.#workerFirst);
    if (hasRules) {
      if (fits(this.#workerFirst.filter((rule) => rule.startsWith("!")), pathname)) return true;
      if (fits(this.#workerFirst, pathname)) return false;
    } else if (this.#workerFirst) {
      return false;
    }
    const navigation = this.#navigationPrefersAssets && headers["sec-fetch-mode"] === "navigate";
    return this.#paths.resolve(decoded(pathname), hasRules || navigation) !== null;
  }

  /**
   * Answer a request with a file, a redirect, or a refusal.
   *
   * @param {object} request @param {object} response
   * @param {Record<string, string>} [extra] headers of the answer that aren't the file's
   */
  serve(request, response, extra = {}) {
    const { pathname, search } = split(request.url);
    const path_ = decoded(pathname);
    const found = this.#paths.resolve(path_, true);
    request.resume();
    const answer = (status, headers) => {
      this.#headerRules.apply(headers, request.headers.host ?? "", pathname);
      response.writeHead(status, { ...headers, ...extra });
      return response;
    };
    if (found === null) return answer(404, { "content-length": 0 }).end();
    if (!["GET", "HEAD"].includes(request.method)) {
      return answer(405, { allow: "GET, HEAD", "content-length": 0 }).end();
    }
    const target = encoded(found.redirect ?? path_);
    if (found.redirect !== undefined || target !== pathname) {
      return answer(307, { location: target + search, "content-length": 0 }).end();
    }
    return this.#send(request, answer, found);
  }

  #send(request, answer, { file, status }) {
    const etag = `"${file.hash}"`;
    const headers = { etag };
    if (file.contentType !== null) headers["content-type"] = file.contentType;
    if (request.headers.authorization === undefined && request.headers.range === undefined) {
      headers["cache-control"] = BROWSERS_ALWAYS_ASK;
    }
    if ([etag, `W/${etag}`].includes(request.headers["if-none-match"])) {
      return answer(304, headers).end();
    }
    headers["content-length"] = file.size;
    if (request.method === "HEAD") return answer(status, headers).end();
    const content = createReadStream(path.join(this.#dir, file.hash));
    const response = answer(status, headers);
    content.once("error", () => response.destroy());
    return content.pipe(response);
  }
}

function split(url) {
  const at = url.search(/[?#]/);
  if (at < 0) return { pathname: url, search: "" };
  return { pathname: url.slice(0, at), search: url.slice(at).replace(/#.*$/, "") };
}

/** Each part decoded by itself, and no empty ones: `//host` would redirect to another site. */
function decoded(pathname) {
  const parts = pathname.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return parts.join("/").replace(/\/+/g, "/");
}

const encoded = (pathname) => pathname.split("/").map(encodeURIComponent).join("/");

/**
 * Whether one of the rules fits, in which a star stands for anything. Looked for part by part: as a
 * regular expression, a rule of many stars takes a power of the path's length.
 *
 * @param {string[]} rules a leading "!" is passed over @param {string} pathname
 */
export function fits(rules, pathname) {
  return rules.some((rule) => {
    const [first, ...others] = rule.replace(/^!/, "").split("*");
    const last = others.pop();
    if (last === undefined) return pathname === first;
    if (!pathname.startsWith(first)) return false;
    let at = first.length;
    for (const part of others) {
      const found = pathname.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return pathname.length - last.length >= at && pathname.endsWith(last);
  });
}
