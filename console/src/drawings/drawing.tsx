/** Draws a message as its channel would show it. */

import { t } from "../language";
import { pretty } from "../ui/parts";
import { CARDS, Frame } from "./cards";
import { Marked, TelegramHtml, type Dialect } from "./markup";

interface DrawingProps {
  channel: string;
  subject: string | null;
  content: string;
  contentType: string;
}

const DIALECTS: Record<string, Dialect> = {
  telegram: "telegram",
  slack: "slack",
  lark: "lark",
  discord: "discord",
  teams: "common",
  googlechat: "googlechat",
};

/** From rendered text alone, where the call that went out isn't known. */
export function Drawing({ channel, subject, content, contentType }: DrawingProps) {
  const dialect = DIALECTS[channel];
  return (
    <Frame channel={channel}>
      {subject && <p class="drawn-subject">{subject}</p>}
      {contentType === "json" ? (
        <pre>{pretty(content)}</pre>
      ) : (
        <div class="drawn-text">
          {contentType === "html" ? (
            <TelegramHtml text={content} />
          ) : contentType === "markdown" && dialect ? (
            <Marked text={content} dialect={dialect} />
          ) : (
            content
          )}
        </div>
      )}
      {!content && <p class="hint">{t("no content")}</p>}
    </Frame>
  );
}

/** From the body of the very call that would go out. */
export function DrawnPayload({ channel, payload }: { channel: string; payload: unknown }) {
  const Card = CARDS[channel];
  const body = (payload ?? {}) as Record<string, unknown>;
  return Card ? (
    <Card body={body} />
  ) : (
    <Frame channel={channel}>
      <pre>{JSON.stringify(body, null, 2)}</pre>
    </Frame>
  );
}
