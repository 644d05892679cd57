/**
 * A pattern of URLs that a Worker answers, such as `*.example.test/api/*`.
 *
 * A star may begin the host and end the path; the scheme doesn't count here, where no TLS is.
 * Without a path, only the root of the host is meant.
 */
export class RoutePattern {
  #anyHost;
  #host;
  #anyPath;
  #path;

  /** @param {string} pattern @param {string | null} script null: no Worker for these URLs */
  constructor(pattern, script) {
    const [host, ...rest] = pattern.replace(/^https?:\/\//, "").split("/");
    const path = `/${rest.join("/")}`;
    this.script = script;
    this.#anyHost = host.startsWith("*");
    this.#host = host.replace(/^\*/, "").toLowerCase();
    this.#anyPath = path.endsWith("*");
    this.#path = path.replace(/\*$/, "");
  }

  /** @param {string} host lower case, without a port @param {string} path without a query */
  matches(host, path) {
    const hostFits = this.#anyHost ? host.endsWith(this.#host) : host === this.#host;
    return hostFits && (this.#anyPath ? path.startsWith(this.#path) : path === this.#path);
  }

  /** Order of precedence: a whole host before one with a star, then the longer host and path. */
  static mostSpecificFirst(one, other) {
    return (
      one.#anyHost - other.#anyHost ||
      other.#host.length - one.#host.length ||
      one.#anyPath - other.#anyPath ||
      other.#path.length - one.#path.length
    );
  }
}
