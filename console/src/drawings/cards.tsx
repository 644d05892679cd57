/** Draws the body of a call as the channel shows it: cards, bubbles and a phone's notification. */

import type { ComponentChildren } from "preact";

import { t } from "../language";
import { Marked, TelegramHtml } from "./markup";

type Body = Record<string, unknown>;

export function Frame({ channel, children }: { channel: string; children: ComponentChildren }) {
  return (
    <div class="drawing" data-channel={channel}>
      <div class="bubble">{children}</div>
    </div>
  );
}

/** A form that this version doesn't draw. */
function Raw({ channel, body }: { channel: string; body: Body }) {
  return (
    <Frame channel={channel}>
      <pre>{JSON.stringify(body, null, 2)}</pre>
    </Frame>
  );
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const listOf = <T,>(value: unknown): T[] => (Array.isArray(value) ? (value as T[]) : []);

function Author({ name, badge }: { name: string; badge: string }) {
  return (
    <p class="author">
      <span class="avatar" aria-hidden="true">
        🔔
      </span>
      {name} <span class="app">{badge}</span>
    </p>
  );
}

interface Block {
  type?: string;
  text?: { type?: string; text?: string };
  elements?: { type?: string; text?: string }[];
}

function Slack({ body }: { body: Body }) {
  const blocks = listOf<Block>(body["blocks"]);
  return (
    <Frame channel="slack">
      <Author name={textOf(body["username"])} badge="APP" />
      {blocks.length === 0 && (
        <div class="drawn-text">
          <Marked text={textOf(body["text"])} dialect="slack" />
        </div>
      )}
      {blocks.map((block, index) => {
        const text = block.text?.text ?? "";
        if (block.type === "header") {
          return (
            <p key={index} class="drawn-subject large">
              {text}
            </p>
          );
        }
        if (block.type === "context") {
          return (
            <p key={index} class="hint">
              <Marked text={block.elements?.map((one) => one.text ?? "").join(" ") ?? ""} dialect="slack" />
            </p>
          );
        }
        return (
          <div key={index} class="drawn-text">
            {block.text?.type === "plain_text" ? text : <Marked text={text} dialect="slack" />}
          </div>
        );
      })}
    </Frame>
  );
}

function Telegram({ body }: { body: Body }) {
  const text = textOf(body["text"]);
  const mode = body["parse_mode"];
  return (
    <Frame channel="telegram">
      <div class="drawn-text">
        {mode === "HTML" ? <TelegramHtml text={text} /> : mode ? <Marked text={text} dialect="telegram" /> : text}
      </div>
    </Frame>
  );
}

interface LarkElement {
  tag?: string;
  content?: string;
  text?: { tag?: string; content?: string };
}

function Lark({ body }: { body: Body }) {
  const card = body["card"] as { header?: { title?: { content?: string } }; elements?: LarkElement[] } | undefined;
  if (body["msg_type"] === "text") {
    return (
      <Frame channel="lark">
        <div class="drawn-text">{textOf((body["content"] as { text?: unknown } | undefined)?.text)}</div>
      </Frame>
    );
  }
  if (!card) return <Raw channel="lark" body={body} />;
  return (
    <div class="drawing" data-channel="lark">
      <div class="bubble lark-card">
        {card.header?.title?.content && <p class="lark-header">{card.header.title.content}</p>}
        <div class="lark-body">
          {listOf<LarkElement>(card.elements).map((element, index) => {
            if (element.tag === "hr") return <hr key={index} />;
            const text = element.content ?? element.text?.content ?? "";
            const plain = element.tag === "div" && element.text?.tag === "plain_text";
            return (
              <div key={index} class="drawn-text">
                {plain ? text : <Marked text={text} dialect="lark" />}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Discord({ body }: { body: Body }) {
  return (
    <Frame channel="discord">
      <Author name={textOf(body["username"]) || t("The webhook's name")} badge="APP" />
      <div class="drawn-text">
        <Marked text={textOf(body["content"])} dialect="discord" />
      </div>
    </Frame>
  );
}

/** A run of text in an Adaptive Card. */
interface TextRun {
  text?: string;
  weight?: string;
  italic?: boolean;
  strikethrough?: boolean;
  underline?: boolean;
  fontType?: string;
  selectAction?: { url?: string };
}

function Teams({ body }: { body: Body }) {
  const [attachment] = listOf<{ content?: { body?: unknown } }>(body["attachments"]);
  const blocks = listOf<{ inlines?: unknown }>(attachment?.content?.body);
  if (!blocks.length) return <Raw channel="teams" body={body} />;
  return (
    <Frame channel="teams">
      <Author name={t("The workflow's name")} badge="Workflows" />
      <div class="teams-card">
        {blocks.map((block, index) => {
          const runs = listOf<TextRun & { size?: string }>(block.inlines);
          return (
            <p key={index} class={runs[0]?.size === "Large" ? "drawn-subject large" : "drawn-text"}>
              {runs.map((run, place) => (
                <Run key={place} run={run} />
              ))}
            </p>
          );
        })}
      </div>
    </Frame>
  );
}

function Run({ run }: { run: TextRun }) {
  let drawn: ComponentChildren = run.text ?? "";
  if (run.fontType === "Monospace") drawn = <code>{drawn}</code>;
  if (run.strikethrough) drawn = <s>{drawn}</s>;
  if (run.underline) drawn = <u>{drawn}</u>;
  if (run.italic) drawn = <i>{drawn}</i>;
  if (run.weight === "Bolder") drawn = <b>{drawn}</b>;
  if (!run.selectAction) return <>{drawn}</>;
  return (
    <span class="drawn-link" title={run.selectAction.url ?? ""}>
      {drawn}
    </span>
  );
}

/** As a phone shows it; the title of a message without one is the topic's address. */
function Ntfy({ body }: { body: Body }) {
  const tags = listOf<string>(body["tags"]);
  const priority = Number(body["priority"] ?? 3);
  return (
    <Frame channel="ntfy">
      <p class="author">
        <span class="avatar" aria-hidden="true">
          🔔
        </span>
        ntfy <span class="app">{t("now")}</span>
        {priority !== 3 && <span class="app">{t("priority {number}", { number: priority })}</span>}
      </p>
      <p class="drawn-subject">{textOf(body["title"]) || `ntfy.sh/${textOf(body["topic"])}`}</p>
      <div class="drawn-text">{textOf(body["message"])}</div>
      {tags.length > 0 && <p class="hint">{t("Tags: {names}", { names: tags.join(", ") })}</p>}
    </Frame>
  );
}

function GoogleChat({ body }: { body: Body }) {
  return (
    <Frame channel="googlechat">
      <Author name={t("The webhook's name")} badge="App" />
      <div class="drawn-text">
        <Marked text={textOf(body["text"])} dialect="googlechat" />
      </div>
    </Frame>
  );
}

/** The channels whose calls are drawn; a webhook's call is shown as it is. */
export const CARDS: Record<string, (props: { body: Body }) => ComponentChildren> = {
  slack: Slack,
  telegram: Telegram,
  lark: Lark,
  discord: Discord,
  teams: Teams,
  ntfy: Ntfy,
  googlechat: GoogleChat,
};
