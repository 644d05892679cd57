/** The small parts that every tab is made of. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { CallError, serviceNow } from "../api/client";
import { CONFIGURATIONS } from "../api/configurations";
import { formatDistance, formatTime, t, type Text } from "../language";
import { describeError, toast } from "./toast";

export type ChannelName = keyof typeof CONFIGURATIONS;
export const CHANNELS = Object.keys(CONFIGURATIONS) as ChannelName[];
export const CHANNEL_TITLES: Record<string, string> = Object.fromEntries(
  Object.entries(CONFIGURATIONS).map(([name, { title }]) => [name, title]),
);

const STATUS_TITLES: Record<string, Text> = {
  pending: "Pending",
  sent: "Sent",
  failed: "Failed",
  retry: "Retry scheduled",
  retry_scheduled: "Retry scheduled",
  cancelled: "Cancelled",
};

export const statusTitle = (status: string): string => {
  const title = STATUS_TITLES[status];
  return title ? t(title) : status;
};

const HEALTH_TITLES: Record<string, Text> = { healthy: "Healthy", degraded: "Degraded", unhealthy: "Unhealthy" };

/** What the service says of itself, in words. */
export const healthTitle = (status: string): string => t(HEALTH_TITLES[status] ?? "Unhealthy");

export function StatusBadge({ status }: { status: string }) {
  return (
    <span class="badge" data-status={status}>
      {statusTitle(status)}
    </span>
  );
}

export function ChannelLabel({ channel }: { channel: string }) {
  return (
    <span class="channel" data-channel={channel}>
      {CHANNEL_TITLES[channel] ?? channel}
    </span>
  );
}

/** A time as distance, with the exact time for the pointer and the screen reader. */
export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatTime(at)}>
      {formatDistance(at, serviceNow())}
    </time>
  );
}

interface FieldProps {
  label: ComponentChildren;
  hint?: string | undefined;
  error?: string | undefined;
  id: string;
  class?: string;
  children: ComponentChildren;
}

/** A label with its control; the control names `${id}-hint` and `${id}-error` itself. */
export function Field({ label, hint, error, id, children, ...rest }: FieldProps) {
  return (
    <div class={`field ${rest.class ?? ""}`}>
      <label for={id}>{label}</label>
      {children}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

/** Why something couldn't be loaded, with the way to try again. */
export function Problem({ error, again }: { error: unknown; again?: () => void }) {
  const details = error instanceof CallError && error.status ? error : undefined;
  return (
    <div class="problem" role="alert">
      <p>{describeError(error)}</p>
      {details && (
        <p class="hint">
          <code>{details.code}</code>
          {details.requestId && (
            <>
              {" · "}
              {t("request")} <code>{details.requestId}</code>
            </>
          )}
        </p>
      )}
      {again && (
        <button type="button" onClick={again}>
          {t("Try again")}
        </button>
      )}
    </div>
  );
}

export function Nothing({ children }: { children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

export function Waiting() {
  return (
    <p class="waiting" role="status">
      {t("Loading …")}
    </p>
  );
}

/** Text that one click copies. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      toast(t("The browser doesn't allow copying here."), "bad");
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <span class="copyable">
      <code>{text}</code>
      <button type="button" class="quiet" aria-label={t("Copy {what}", { what: label })} onClick={copy}>
        {copied ? t("Copied") : t("Copy")}
      </button>
    </span>
  );
}

export function Json({ value, label }: { value: unknown; label: string }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <pre class="json" tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}

/** Pretty-printed where it is JSON. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
