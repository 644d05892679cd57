/** Draws a message as its channel would show it. */

import type { ComponentChildren } from "preact";

import { t } from "../language";
import { pretty } from "../ui/parts";
import { Marked, TelegramHtml, type Dialect } from "./markup";

interface DrawingProps {
  channel: string;
  subject: string | null;
  content: string;
  contentType: string;
}

const DIALECTS: Record<string, Dialect> = { telegram: "telegram", slack: "slack", lark: "lark" };

/** From rendered text alone, where the call that went out isn't known. */
export function Drawing({ channel, subject, content, contentType }: DrawingProps) {
  const dialect = DIALECTS[channel];
  return (
    <Frame channel={channel}>
      {subject && <p class="drawn-subject">{subject}</p>}
      {contentType === "json" ? (
        <pre>{pretty(content)}</pre>
      ) : (
        <p class="drawn-text">
          {contentType === "html" ? (
            <TelegramHtml text={content} />
          ) : contentType === "markdown" && dialect ? (
            <Marked text={content} dialect={dialect} />
          ) : (
            content
          )}
        </p>
      )}
      {!content && <p class="hint">{t("no content")}</p>}
    </Frame>
  );
}

/** From the body of the very call that would go out. */
export function DrawnPayload({ channel, payload }: { channel: string; payload: unknown }) {
  const body = (payload ?? {}) as Record<string, unknown>;
  switch (channel) {
    case "slack":
      return <Slack body={body} />;
    case "telegram":
      return <Telegram body={body} />;
    case "lark":
      return <Lark body={body} />;
    default:
      return (
        <Frame channel={channel}>
          <pre>{JSON.stringify(body, null, 2)}</pre>
        </Frame>
      );
  }
}

function Frame({ channel, children }: { channel: string; children: ComponentChildren }) {
  return (
    <div class="drawing" data-channel={channel}>
      <div class="bubble">{children}</div>
    </div>
  );
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

interface Block {
  type?: string;
  text?: { type?: string; text?: string };
  elements?: { type?: string; text?: string }[];
}

function Slack({ body }: { body: Record<string, unknown> }) {
  const blocks = (Array.isArray(body["blocks"]) ? body["blocks"] : []) as Block[];
  return (
    <div class="drawing" data-channel="slack">
      <div class="bubble">
        <p class="author">
          <span class="avatar" aria-hidden="true">
            🔔
          </span>
          {textOf(body["username"])} <span class="app">APP</span>
        </p>
        {blocks.length === 0 && (
          <p class="drawn-text">
            <Marked text={textOf(body["text"])} dialect="slack" />
          </p>
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
            <p key={index} class="drawn-text">
              {block.text?.type === "plain_text" ? text : <Marked text={text} dialect="slack" />}
            </p>
          );
        })}
      </div>
    </div>
  );
}

function Telegram({ body }: { body: Record<string, unknown> }) {
  const text = textOf(body["text"]);
  const mode = body["parse_mode"];
  return (
    <Frame channel="telegram">
      <p class="drawn-text">
        {mode === "HTML" ? <TelegramHtml text={text} /> : mode ? <Marked text={text} dialect="telegram" /> : text}
      </p>
    </Frame>
  );
}

interface LarkElement {
  tag?: string;
  content?: string;
  text?: { tag?: string; content?: string };
}

function Lark({ body }: { body: Record<string, unknown> }) {
  const card = body["card"] as { header?: { title?: { content?: string }; template?: string }; elements?: LarkElement[] } | undefined;
  if (body["msg_type"] === "text") {
    return (
      <Frame channel="lark">
        <p class="drawn-text">{textOf((body["content"] as { text?: unknown } | undefined)?.text)}</p>
      </Frame>
    );
  }
  if (!card) {
    return (
      <Frame channel="lark">
        <pre>{JSON.stringify(body, null, 2)}</pre>
      </Frame>
    );
  }
  return (
    <div class="drawing" data-channel="lark">
      <div class="bubble lark-card">
        {card.header?.title?.content && <p class="lark-header">{card.header.title.content}</p>}
        <div class="lark-body">
          {(card.elements ?? []).map((element, index) => {
            if (element.tag === "hr") return <hr key={index} />;
            const text = element.content ?? element.text?.content ?? "";
            const plain = element.tag === "div" && element.text?.tag === "plain_text";
            return (
              <p key={index} class="drawn-text">
                {plain ? text : <Marked text={text} dialect="lark" />}
              </p>
            );
          })}
        </div>
      </div>
    </div>
  );
}
