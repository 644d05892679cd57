/**
 * Plain JavaScript values as a Cap'n Proto text literal, the language of workerd's config files
 * (workerd, src/workerd/server/workerd.capnp; Cap'n Proto language reference, "Constants").
 */

const ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\" };

const quote = (text) =>
  `"${text.replace(/[\u0000-\u001f"\\\u007f]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).padStart(2, "0");
    return ESCAPES[char] ?? `\\x${code}`;
  })}"`;

/**
 * Write a value: objects are structs, `Uint8Array` is Data, `undefined` members are left out.
 *
 * @param {string | number | boolean | Uint8Array | object | unknown[]} value
 * @returns {string} for example `(name = "DB", allow = ["local"])`
 * @throws {TypeError} the value has no counterpart
 */
export function capnpText(value) {
  if (typeof value === "string") return quote(value);
  if (typeof value === "boolean" || Number.isFinite(value)) return String(value);
  if (value instanceof Uint8Array) {
    // The language has no empty hexadecimal literal; an empty text is empty Data, too.
    return value.length === 0 ? '""' : `0x"${Buffer.from(value).toString("hex")}"`;
  }
  if (Array.isArray(value)) return `[${value.map(capnpText).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${key} = ${capnpText(member)}`);
    return `(${members.join(", ")})`;
  }
  throw new TypeError(`No Cap'n Proto text for a value of type ${typeof value}`);
}

/**
 * A whole config file for `workerd serve`.
 *
 * @param {{services: object[], sockets: object[], extensions?: object[]}} config
 * @returns {string}
 */
export function workerdConfig(config) {
  return (
    'using Workerd = import "/workerd/workerd.capnp";\n' +
    `const config :Workerd.Config = ${capnpText({
      ...config,
      logging: { structuredLogging: true },
    })};\n`
  );
}
