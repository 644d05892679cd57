/**
 * Reads the small markup languages of the channels, so that a preview looks like the message.
 *
 * Everything becomes text nodes and a fixed set of elements: nothing of a message is ever markup
 * of this page. Work is linear in the text, and depth is bounded.
 */

import type { ComponentChildren } from "preact";

const MAX_DEPTH = 12;

/** A pair of marks and the element that they make. */
interface Mark {
  open: string;
  element: "b" | "i" | "u" | "s" | "code" | "pre" | "spoiler";
}

const COMMON: readonly Mark[] = [
  { open: "```", element: "pre" },
  { open: "**", element: "b" },
  { open: "__", element: "b" },
  { open: "~~", element: "s" },
  { open: "*", element: "i" },
  { open: "_", element: "i" },
  { open: "`", element: "code" },
];

const MARKS: Record<string, readonly Mark[]> = {
  telegram: [
    { open: "```", element: "pre" },
    { open: "__", element: "u" },
    { open: "*", element: "b" },
    { open: "_", element: "i" },
    { open: "~", element: "s" },
    { open: "`", element: "code" },
  ],
  slack: [
    { open: "```", element: "pre" },
    { open: "*", element: "b" },
    { open: "_", element: "i" },
    { open: "~", element: "s" },
    { open: "`", element: "code" },
  ],
  lark: [
    { open: "```", element: "pre" },
    { open: "**", element: "b" },
    { open: "~~", element: "s" },
    { open: "*", element: "i" },
    { open: "`", element: "code" },
  ],
  discord: [
    { open: "```", element: "pre" },
    { open: "**", element: "b" },
    { open: "__", element: "u" },
    { open: "~~", element: "s" },
    { open: "||", element: "spoiler" },
    { open: "*", element: "i" },
    { open: "_", element: "i" },
    { open: "`", element: "code" },
  ],
  common: COMMON,
  googlechat: COMMON,
};
/** Where a backslash before a character makes it plain. */
const ESCAPING = new Set(["telegram", "discord", "common", "googlechat"]);
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">" };
const NAMED_ENTITY = /&(amp|lt|gt);/y;
/** Lark reads numbers as well: open.larksuite.com, "Markdown component", escaping of characters. */
const ANY_ENTITY = /&(?:(amp|lt|gt)|#(\d{1,6}));/y;

export type Dialect = keyof typeof MARKS & string;

/** Draw marked text. A mark without its partner is shown as it is. */
export function Marked({ text, dialect }: { text: string; dialect: Dialect }) {
  return (
    <>
      {quotes(text).map(({ quoted, lines }, index) => {
        const drawn = marked(lines.join("\n"), dialect, 0);
        return quoted ? <blockquote key={index}>{drawn}</blockquote> : drawn;
      })}
    </>
  );
}

/** Tell quoted lines from the others; a fence's lines are never a quote. */
function quotes(text: string): { quoted: boolean; lines: string[] }[] {
  const runs: { quoted: boolean; lines: string[] }[] = [];
  let fenced = false;
  for (const line of text.split("\n")) {
    const quoted = !fenced && line.startsWith(">");
    if ((line.split("```").length - 1) % 2) fenced = !fenced;
    const last = runs.at(-1);
    const shown = quoted ? line.replace(/^> ?/, "") : line;
    if (last?.quoted === quoted) last.lines.push(shown);
    else runs.push({ quoted, lines: [shown] });
  }
  return runs;
}

function marked(text: string, dialect: Dialect, depth: number): ComponentChildren[] {
  const marks = MARKS[dialect] ?? [];
  const nodes: ComponentChildren[] = [];
  const unmatched = new Set<string>();
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(plain);
    plain = "";
  };
  for (let at = 0; at < text.length; ) {
    if (text[at] === "\\" && ESCAPING.has(dialect) && at + 1 < text.length) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    const link = readLink(text, at, dialect);
    if (link) {
      flush();
      nodes.push(
        <span class="drawn-link" title={link.target}>
          {link.label}
        </span>,
      );
      at = link.end;
      continue;
    }
    const entity = text[at] === "&" ? readEntity(text, at, dialect) : undefined;
    if (entity) {
      plain += entity.character;
      at = entity.end;
      continue;
    }
    const mark = marks.find((one) => text.startsWith(one.open, at) && !unmatched.has(one.open));
    if (mark && depth < MAX_DEPTH) {
      const close = closing(text, at + mark.open.length, mark.open);
      if (close > 0) {
        flush();
        nodes.push(element(mark.element, text.slice(at + mark.open.length, close), dialect, depth));
        at = close + mark.open.length;
        continue;
      }
      unmatched.add(mark.open);
    }
    plain += text[at];
    at += 1;
  }
  flush();
  return nodes;
}

function element(name: Mark["element"], inner: string, dialect: Dialect, depth: number): ComponentChildren {
  const literal = dialect === "telegram" ? inner.replace(/\\(.)/g, "$1") : inner;
  if (name === "code") return <code>{literal}</code>;
  // The line of the opening marks names the language.
  if (name === "pre") return <pre>{literal.replace(/^[\w+-]*\n/, "").replace(/\n$/, "")}</pre>;
  const drawn = marked(inner, dialect, depth + 1);
  if (name === "spoiler") return <span class="drawn-spoiler">{drawn}</span>;
  const Element = name;
  return <Element>{drawn}</Element>;
}

function readEntity(text: string, at: number, dialect: Dialect): { character: string; end: number } | undefined {
  if (dialect !== "slack" && dialect !== "lark") return undefined;
  const pattern = dialect === "slack" ? NAMED_ENTITY : ANY_ENTITY;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (!found) return undefined;
  const [whole, name, number] = found;
  return { character: name ? (ENTITIES[name] ?? whole) : String.fromCodePoint(Number(number)), end: at + whole.length };
}

function closing(text: string, from: number, mark: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text.startsWith(mark, at)) return at === from ? -1 : at;
  }
  return -1;
}

interface Link {
  label: string;
  target: string;
  end: number;
}

const MARKDOWN_LINK = /\[((?:[^\]\\\n]|\\.){1,500})\]\(((?:[^)\\\s]|\\.){1,2000})\)/y;
const SLACK_LINK = /<([^|>\n]{1,2000})(?:\|([^>\n]{1,500}))?>/y;
/** Who is told of it: Discord's `<@7>`, `<@&8>` and `<#9>`, Lark's `<at id=all></at>`, Google Chat's `<users/7>`. */
const MENTIONS: Record<string, RegExp> = {
  discord: /<(@|#)[!&]?([0-9]{1,20})>/y,
  lark: /<(at) id=([^>\n]{1,100})><\/at>/y,
  googlechat: /<(users)\/([A-Za-z0-9_-]{1,64})>/y,
};

/** A bare URL of CommonMark (spec.commonmark.org, "Autolinks"). */
const BARE_LINK = /<(https?:\/\/[^\s<>]{1,2000})>/y;
const WITH_BARE_LINKS = new Set(["common", "googlechat", "discord"]);

function readBareLink(text: string, at: number, dialect: Dialect): Link | undefined {
  if (!WITH_BARE_LINKS.has(dialect)) return undefined;
  BARE_LINK.lastIndex = at;
  const found = BARE_LINK.exec(text);
  if (!found) return undefined;
  const [whole, target = ""] = found;
  return { label: target, target, end: at + whole.length };
}

function readMention(text: string, at: number, dialect: Dialect): Link | undefined {
  const pattern = MENTIONS[dialect];
  if (!pattern) return undefined;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (!found) return undefined;
  const [whole, mark, name] = found;
  return { label: `${mark === "#" ? "#" : "@"}${name}`, target: whole, end: at + whole.length };
}

function readLink(text: string, at: number, dialect: Dialect): Link | undefined {
  const first = text[at];
  if (first === "<" && dialect !== "slack") return readBareLink(text, at, dialect) ?? readMention(text, at, dialect);
  if (dialect === "slack" ? first !== "<" : first !== "[") return undefined;
  const pattern = dialect === "slack" ? SLACK_LINK : MARKDOWN_LINK;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (!found) return undefined;
  const [whole, one = "", two] = found;
  const end = at + whole.length;
  if (dialect !== "slack") {
    return { label: one.replace(/\\(.)/g, "$1"), target: (two ?? "").replace(/\\(.)/g, "$1"), end };
  }
  if (one.startsWith("!date^")) return { label: slackDate(one, two ?? ""), target: "", end };
  if (one.startsWith("!")) return { label: `@${one.slice(1)}`, target: one, end };
  return { label: two ?? one, target: one, end };
}

function slackDate(text: string, fallback: string): string {
  const seconds = Number(text.split("^")[1]);
  return Number.isFinite(seconds) ? new Date(seconds * 1_000).toLocaleString() : fallback;
}

const HTML_ELEMENTS: Record<string, "b" | "i" | "u" | "s" | "code" | "pre" | "blockquote"> = {
  b: "b",
  strong: "b",
  i: "i",
  em: "i",
  u: "u",
  ins: "u",
  s: "s",
  del: "s",
  strike: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
};

/** Draw Telegram's HTML: its own elements are drawn, everything else is shown as text. */
export function TelegramHtml({ text }: { text: string }) {
  // An inert document: nothing in it runs or is fetched.
  const parsed = new DOMParser().parseFromString(text, "text/html");
  return <>{htmlChildren(parsed.body, 0)}</>;
}

function htmlChildren(parent: Node, depth: number): ComponentChildren[] {
  if (depth > MAX_DEPTH) return [parent.textContent ?? ""];
  return Array.from(parent.childNodes, (node) => {
    if (!(node instanceof Element)) {
      const text = node.textContent ?? "";
      // The line break after a quote is the quote's own.
      return node.previousSibling?.nodeName === "BLOCKQUOTE" ? text.replace(/^\n/, "") : text;
    }
    const name = node.localName;
    if (name === "a") {
      return (
        <span class="drawn-link" title={node.getAttribute("href") ?? ""}>
          {htmlChildren(node, depth + 1)}
        </span>
      );
    }
    if (name === "tg-spoiler") return <span class="drawn-spoiler">{htmlChildren(node, depth + 1)}</span>;
    const Known = HTML_ELEMENTS[name];
    return Known ? <Known>{htmlChildren(node, depth + 1)}</Known> : (node.textContent ?? "");
  });
}
