/** A channel's configuration as fields, which the service's OpenAPI document lists. */

import { CONFIGURATIONS } from "../api/configurations";
import { t, translated, type Text } from "../language";
import { Field } from "../ui/parts";

type Configurations = typeof CONFIGURATIONS;
export type Values = Record<string, unknown>;
export type Problems = Record<string, string>;

type Untitled<Fields> = { [Name in keyof Fields]: Fields[Name] extends { title: string } ? never : Name }[keyof Fields];
type KeysOf<Union> = Union extends unknown ? Untitled<Union> : never;
type Properties = Configurations[keyof Configurations]["properties"];
type Inner<Name> = Name extends keyof Properties
  ? Properties[Name] extends { properties: infer Fields }
    ? KeysOf<Fields>
    : never
  : never;

/** A JSON Schema as far as the document's configurations use it. */
interface Schema {
  title?: string;
  type?: string | readonly string[];
  format?: string;
  enum?: readonly string[];
  const?: string;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: unknown;
}

/** The titles of fields that the document doesn't name itself: one without a title doesn't compile. */
const TITLES: Record<KeysOf<Properties> | Inner<"rate" | "quiet_hours">, Text> = {
  allow_broadcast: "May mention everybody",
  avatar_url: "Avatar URL",
  bot_token: "Bot token",
  bridge_token: "Token of the bridge",
  burst: "At once",
  channel: "Channel to post to",
  chat_id: "Chat id",
  click: "URL behind the message",
  color: "Colour",
  disable_notification: "Without a sound",
  disable_web_page_preview: "Without link previews",
  from: "From",
  headers: "Headers",
  icon_emoji: "Emoji as icon",
  inbound_secret: "Secret of incoming webhooks",
  message_thread_id: "Topic id",
  method: "Method",
  msg_type: "Message type",
  parse_mode: "Markup",
  payload_mode: "Body",
  per_minute: "A minute",
  per_second: "A second",
  priority: "Priority",
  quiet_hours: "Quiet hours",
  rate: "Messages at most",
  retry_schedule: "Retry after",
  secret: "Secret",
  server: "Server",
  signing: "Signature",
  signing_secret: "Secret of the signature",
  split_long: "Long texts in parts",
  tags: "Tags",
  thread_id: "Thread id",
  thread_ts: "Thread",
  time_zone: "Time zone",
  timeout: "Time limit (ms)",
  to: "Until",
  token: "Access token",
  topic: "Topic",
  use_attachments: "As attachments",
  use_blocks: "As blocks",
  username: "Name of the sender",
  utc_offset: "Offset from UTC",
  webhook_url: "Webhook URL",
};

const EXAMPLES: Record<string, string> = {
  avatar_url: "https://example.com/bell.png",
  bot_token: "123456:ABC-DEF",
  chat_id: "-1001234567890",
  color: "#cc0000",
  from: "22:00",
  headers: "X-Team: ops",
  icon_emoji: ":bell:",
  retry_schedule: "10s",
  server: "https://ntfy.sh",
  time_zone: "Europe/Berlin",
  timeout: "10000",
  to: "07:00",
  topic: "my-alerts",
  username: "Notification Bot",
  utc_offset: "+01:00",
};

const URLS: Record<string, string> = {
  webhook: "https://example.com/hook",
  lark: "https://open.larksuite.com/open-apis/bot/v2/hook/…",
  slack: "https://hooks.slack.com/services/…",
  discord: "https://discord.com/api/webhooks/…",
  teams: "https://….logic.azure.com/workflows/…",
  googlechat: "https://chat.googleapis.com/v1/spaces/…",
};

/** The schema of a channel, or of one of its named endpoints such as `telegram:oncall`. */
export const schemaOf = (channel: string): Schema =>
  CONFIGURATIONS[channel.split(":")[0] as keyof Configurations] ?? CONFIGURATIONS.webhook;

/** What a new configuration begins with where it is written as JSON. */
export const emptyOf = (channel: string): Values =>
  Object.fromEntries((schemaOf(channel).required ?? []).map((name) => [name, ""]));

/** The fields of one channel: the required ones and secrets first, and the others on demand. */
export function ConfigurationForm({ channel, values, problems }: { channel: string; values: Values; problems: Problems }) {
  const schema = schemaOf(channel);
  const fields = Object.entries(schema.properties ?? {});
  const required = new Set(schema.required);
  const isCommon = (name: string) => name === "bridge_token" || name === "inbound_secret";
  const first = fields.filter(([name, one]) => required.has(name) || (one.format === "password" && !isCommon(name)));
  const rest = fields.filter((field) => !first.includes(field));
  const touched = rest.some(([name]) => values[name] !== undefined || Object.keys(problems).some((id) => id.split(".")[0] === name));
  const controls = (some: typeof fields) =>
    some.map(([name, one]) => (
      <Control key={name} id={name} name={name} schema={one} value={values[name]} problems={problems} channel={channel} required={required.has(name)} />
    ));
  return (
    <>
      {controls(first)}
      <details class="more" open={touched}>
        <summary>{t("More settings")}</summary>
        {controls(rest)}
      </details>
    </>
  );
}

interface ControlProps {
  /** The path of the field, such as `rate.per_second`. */
  id: string;
  name: string;
  schema: Schema;
  value: unknown;
  problems: Problems;
  channel: string;
  required: boolean;
}

function Control({ id, name, schema, value, problems, channel, required }: ControlProps) {
  const title = schema.title ? translated(schema.title) : t(TITLES[name as keyof typeof TITLES]);
  if (schema.properties) {
    const inner = (value ?? {}) as Values;
    return (
      <fieldset class="group">
        <legend>
          {title} <code>{name}</code>
        </legend>
        <div class="pair">
          {Object.entries(schema.properties).map(([one, part]) => (
            <Control
              key={one}
              id={`${id}.${one}`}
              name={one}
              schema={part}
              value={inner[one]}
              problems={problems}
              channel={channel}
              required={value !== undefined && (schema.required ?? []).includes(one)}
            />
          ))}
        </div>
      </fieldset>
    );
  }
  const hint = hintOf(schema, value);
  const error = problems[id];
  const attributes = {
    id: `field-${id}`,
    name: `field-${id}`,
    required,
    defaultValue: textOf(value),
    placeholder: (name === "webhook_url" ? URLS[channel.split(":")[0] ?? ""] : EXAMPLES[name]) ?? "",
    autocomplete: "off",
    spellcheck: false,
    "aria-invalid": error !== undefined,
    "aria-describedby": [hint && `field-${id}-hint`, error && `field-${id}-error`].filter(Boolean).join(" ") || undefined,
  } as const;
  return (
    <Field
      id={attributes.id}
      label={
        <>
          {title} <code>{name}</code>
          {required && <span class="required"> {t("required")}</span>}
        </>
      }
      hint={hint}
      error={error}
    >
      <Input schema={schema} value={value} attributes={attributes} />
    </Field>
  );
}

type Attributes = Record<string, string | boolean | undefined>;

function Input({ schema, value, attributes }: { schema: Schema; value: unknown; attributes: Attributes }) {
  const { placeholder, defaultValue, ...rest } = attributes;
  const choices = schema.const ? [schema.const] : schema.enum;
  if (choices || schema.type === "boolean") {
    return (
      <select {...rest}>
        <option value="">{t("the default")}</option>
        {(choices ?? ["true", "false"]).map((one) => (
          <option key={one} value={one} selected={one === defaultValue}>
            {choices ? one : t(one === "true" ? "yes" : "no")}
          </option>
        ))}
      </select>
    );
  }
  if (isLines(schema, value)) return <textarea {...rest} class="mono" rows={2} placeholder={String(placeholder)} defaultValue={String(defaultValue)} />;
  const shown = { ...rest, placeholder: String(placeholder), defaultValue: String(defaultValue) };
  // A number field tells a mistake as nothing at all; this one keeps what was typed.
  if (schema.type === "integer") return <input {...shown} type="text" inputMode="numeric" />;
  // A browser offers a stored password for "off", but not for a new one.
  if (schema.format === "password") return <input {...shown} type="password" autocomplete="new-password" />;
  return <input {...shown} type="text" />;
}

/** Whether a value has a line for each of its parts. */
const isLines = (schema: Schema, value: unknown): boolean =>
  schema.type === "array" || schema.additionalProperties !== undefined || Array.isArray(value);

function hintOf(schema: Schema, value: unknown): string | undefined {
  if (schema.format === "password" && value !== undefined) return t("A stored secret stays unless you type another.");
  if (schema.additionalProperties) return t("One “Name: value” a line.");
  return isLines(schema, value) ? t("One a line.") : undefined;
}

/** A value as its control shows it. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.join("\n");
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${name}: ${String(one)}`).join("\n");
  return String(value);
}

/**
 * What the fields say, over what was stored: what wasn't touched keeps its form, and what the
 * document doesn't know is kept.
 */
export function readConfiguration(channel: string, data: FormData, before: Values): { values: Values; problems: Problems } {
  const problems: Problems = {};
  const schema = schemaOf(channel);
  const known = Object.keys(schema.properties ?? {});
  const others = Object.entries(before).filter(([name]) => !known.includes(name));
  return { values: { ...Object.fromEntries(others), ...readFields(schema, data, before, "", problems) }, problems };
}

function readFields(schema: Schema, data: FormData, before: Values, prefix: string, problems: Problems): Values {
  const found: Values = {};
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    const id = `${prefix}${name}`;
    if (one.properties) {
      const inner = readFields(one, data, (before[name] ?? {}) as Values, `${id}.`, problems);
      if (Object.keys(inner).length) found[name] = inner;
      continue;
    }
    const typed = String(data.get(`field-${id}`) ?? "").replaceAll("\r\n", "\n");
    const text = one.format === "password" ? typed : typed.trim();
    if (text === textOf(before[name]) && before[name] !== undefined) found[name] = before[name];
    else if (text) found[name] = parsed(one, text, id, problems);
    else if (!prefix && schema.required?.includes(name)) problems[id] = t("This is needed.");
  }
  return found;
}

function parsed(schema: Schema, text: string, id: string, problems: Problems): unknown {
  if (schema.type === "boolean") return text === "true";
  if (schema.type === "integer") {
    if (!/^-?\d{1,15}$/.test(text)) problems[id] = t("Enter a whole number.");
    return Number(text);
  }
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (schema.additionalProperties) {
    const pairs = lines.map((line) => /^([^:\s]+):\s*(.*)$/.exec(line));
    if (pairs.includes(null)) problems[id] = t("One “Name: value” a line.");
    return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""]));
  }
  if (schema.type === "array" || lines.length > 1) return lines;
  return text;
}

/** The field that a refusal of the service names, or undefined. */
export function fieldOf(channel: string, refusal: string): string | undefined {
  const named = (schema: Schema, prefix: string): string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, one]) => [...named(one, `${prefix}${name}.`), `${prefix}${name}`]);
  const words = new Set(refusal.match(/[a-z_]+(?:\.[a-z_]+)?/g));
  const fields = named(schemaOf(channel), "");
  return fields.find((id) => words.has(id)) ?? fields.find((id) => id.includes("_") && words.has(id.split(".").at(-1) ?? ""));
}
