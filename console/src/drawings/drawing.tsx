/** Draws a message as its channel would show it. */

import { t } from "../language";
import { pretty } from "../ui/parts";
import { Marked, TelegramHtml, type Dialect } from "./markup";

interface DrawingProps {
  channel: string;
  subject: string | null;
  content: string;
  contentType: string;
}

/** From rendered text alone, where the call that went out isn't known. */
export function Drawing({ channel, subject, content, contentType }: DrawingProps) {
  const Text = () =>
    contentType === "html" ? (
      <TelegramHtml text={content} />
    ) : contentType === "markdown" && channel in DIALECTS ? (
      <Marked text={content} dialect={DIALECTS[channel]!} />
    ) : (
      <>{contentType === "json" ? pretty(content) : content}</>
    );
  return (
    <div class="drawing" data-channel={channel}>
      <div class="bubble">
        {subject && <p class="drawn-subject">{subject}</p>}
        {contentType === "json" ? <pre>{pretty(content)}</pre> : <p class="drawn-text"><Text /></p>}
        {!content && <p class="hint">{t("no content")}</p>}
      </div>
    </div>
  );
}

const DIALECTS: Record<string, Dialect> = { telegram: "telegram", slack: "slack", lark: "lark" };
