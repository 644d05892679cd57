// Reads Slack's and Discord's text with parsers of other people, one JSON line for each text.
//
// In: {"channel", "text"}. Out: {"text", "mentions", "marks"}. A node without content ends it: a new
// kind of node has to be looked at.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const discord = require("@odiffey/discord-markdown");
const slack = require("slack-markdown");
const engine = require("simple-markdown");

// A name between colons is shown as a picture, and the parser drops the name.
const { emoji: _, ...slackRules } = slack.rules;
const readSlack = engine.parserFor(slackRules);
// Slack has no escape for these: a pair of them in a value is a mark, and still the value's text.
const SLACK_MARKS = { strong: "*", em: "_", del: "~", strike: "~", inlineCode: "`", codeBlock: "```" };
const PARSERS = {
  slack: { parse: (text) => readSlack(text, { inline: true, inQuote: false }), marks: SLACK_MARKS },
  discord: { parse: discord.parser, marks: {} },
};

const MENTION = /^(discord|slack)(User|Channel|Role|Everyone|Here|At[A-Z][a-z]+|UserGroup)$/;

/** Add what a person sees of some nodes, and what else they are, to `seen`. */
function flatten(nodes, marks, seen) {
  for (const { type, content } of [nodes].flat()) {
    if (MENTION.test(type)) {
      seen.mentions.push(type);
      continue;
    }
    if (type === "br" || type === "newline") {
      seen.text += "\n";
      continue;
    }
    if (type !== "text") seen.marks.push(type);
    const mark = marks[type] ?? "";
    seen.text += mark;
    if (typeof content === "string") seen.text += content;
    else flatten(content, marks, seen);
    seen.text += mark;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { channel, text } = JSON.parse(line);
  const { parse, marks } = PARSERS[channel];
  const seen = { text: "", mentions: [], marks: [] };
  flatten(parse(text), marks, seen);
  console.log(JSON.stringify(seen));
}
