const MAX_RULES = 100;
const MAX_LINE = 2000;
const IS_PATH = /^(\S+:\/\/|\/)/;

/**
 * The rules of a `_headers` file: a path, then the headers that its answers get, indented.
 *
 * A star fits anything and `:name` one part of the path; both may be used again in values, as
 * `:splat` and `:name`. `! Name` takes a header away
 * (https://developers.cloudflare.com/workers/static-assets/headers/). What isn't valid is passed
 * over, as Cloudflare does.
 */
export class HeaderRules {
  #rules = [];

  /** @param {string} text the file's content */
  constructor(text) {
    let rule;
    for (const raw of text.split("\n")) {
      const line = raw.trim();
      if (line === "" || line.startsWith("#") || line.length > MAX_LINE) continue;
      if (IS_PATH.test(line)) {
        if (this.#rules.length >= MAX_RULES) break;
        rule = { pattern: patternOf(line), withHost: !line.startsWith("/"), set: [], unset: [] };
        if (rule.pattern === null) rule = undefined;
        else this.#rules.push(rule);
      } else if (rule !== undefined) {
        addHeader(rule, line);
      }
    }
  }

  /**
   * Change the headers of an answer.
   *
   * @param {Record<string, string>} headers by lower-case name
   * @param {string} host @param {string} path
   */
  apply(headers, host, path) {
    const touched = new Set();
    for (const { pattern, withHost, set, unset } of this.#rules) {
      const match = pattern.exec(withHost ? `https://${host}${path}` : path);
      if (match === null) continue;
      for (const name of unset) delete headers[name];
      for (const [name, value] of set) {
        const filled = fill(value, match.groups ?? {});
        headers[name] = touched.has(name) ? `${headers[name]}, ${filled}` : filled;
        touched.add(name);
      }
    }
  }
}

function patternOf(rule) {
  if (rule.split("*").length > 2) return null;
  const escaped = rule.replace(/[-/\\^$+?.()|[\]{}]/g, "\\$&").replace("*", "(?<splat>.*)");
  const source = escaped.replace(/:([A-Za-z]\w*)/g, "(?<$1>[^/]+)");
  try {
    return new RegExp(`^${source}$`);
  } catch {
    return null;
  }
}

function addHeader(rule, line) {
  const at = line.indexOf(":");
  if (line.startsWith("! ") && at < 0) {
    rule.unset.push(line.slice(2).trim().toLowerCase());
    return;
  }
  const name = line.slice(0, Math.max(at, 0)).trim().toLowerCase();
  const value = line.slice(at + 1).trim();
  if (/^[^\s]+$/.test(name) && value !== "") rule.set.push([name, value]);
}

const fill = (value, groups) =>
  Object.entries(groups).reduce((text, [name, part]) => text.replaceAll(`:${name}`, part), value);
