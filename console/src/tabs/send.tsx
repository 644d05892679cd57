/** Sends a notification and shows what became of it. */

import { useMemo, useState } from "preact/hooks";

import { call, type Answer, type Schemas } from "../api/client";
import { useLive } from "../api/live";
import { useLoaded } from "../api/loading";
import { formatDuration, t } from "../language";
import { linkTo, usePlace } from "../route";
import { CHANNELS, CHANNEL_TITLES, ChannelLabel, Field, Json, Nothing, StatusBadge, type ChannelName } from "../ui/parts";
import { Problem } from "../ui/parts";
import { toast } from "../ui/toast";
import { asWritten, parseObject, Variables } from "./variables";

type Sent = Answer<"/api/notifications/send", "post">;
type Result = Schemas["SendResult"];
type Warning = NonNullable<Sent["warnings"]>[number];
interface Outcome {
  results: Result[];
  warnings: Warning[];
  requestId: string;
  durationMs: number;
}

/** Configurations whose users are suggested. */
const SUGGESTED = 200;
/** Templates in one answer, at most (`GET /api/templates`). */
const TEMPLATES_PAGE = 200;
const QUICK_USERS = ["test-user", "demo-user"];

/** Every template that isn't switched off, page by page. */
async function allTemplates(signal: AbortSignal): Promise<Schemas["Template"][]> {
  const all: Schemas["Template"][] = [];
  for (;;) {
    const query = { limit: TEMPLATES_PAGE, offset: all.length };
    const answer = await call("get", "/api/templates", { query, signal, quiet: true });
    const page = answer.data as Schemas["Template"][];
    all.push(...page);
    if (!page.length || !("pagination" in answer && answer.pagination.hasMore)) return all;
  }
}

export function Send() {
  const wanted = usePlace().query["template"] ?? "";
  const [user, setUser] = useState("");
  const [channels, setChannels] = useState<ReadonlySet<ChannelName>>(new Set());
  const [mode, setMode] = useState<"custom" | "template">(wanted ? "template" : "custom");
  const [template, setTemplate] = useState(wanted);
  const [variables, setVariables] = useState("{}");
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const [refusal, setRefusal] = useState<unknown>();

  const configurations = useLoaded(
    (signal) => call("get", "/api/user-configs", { query: { limit: SUGGESTED, mask: "true" } as never, signal, quiet: true }),
    [],
  );
  const templates = useLoaded(allTemplates, []);
  const known = useMemo(() => channelsByUser((configurations.data?.data ?? []) as Schemas["Configuration"][]), [configurations.data]);
  const configured = known.get(user.trim());
  // Beyond the first page nothing is known of a user who isn't on it.
  const isKnown = configured !== undefined || (configurations.data?.data.length ?? SUGGESTED) < SUGGESTED;
  const all = templates.data ?? [];
  const fitting = all.filter((one) =>
    [...channels].every((channel) => one.supported_channels?.includes(channel)),
  );
  const chosen = all.find((one) => one.template_key === template);

  const choose = (channel: ChannelName) => {
    const next = new Set(channels);
    if (!next.delete(channel)) next.add(channel);
    setChannels(next);
  };

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const { body, found } = requestOf(data, [...channels], mode === "template" ? { template, variables } : undefined);
    setProblems(found);
    const first = Object.keys(found)[0];
    if (first) {
      document.getElementById(first)?.focus();
      return;
    }
    setBusy(true);
    setRefusal(undefined);
    const started = performance.now();
    try {
      const answer: Sent = await call("post", "/api/notifications/send", { body: body as never });
      const durationMs = performance.now() - started;
      setOutcome({ results: answer.results, warnings: answer.warnings ?? [], requestId: answer.request_id, durationMs });
      const bad = answer.results.filter((one) => one.status === "failed").length;
      if (bad) toast(t("{count} of {all} channels failed.", { count: bad, all: answer.results.length }), "bad");
      else toast(t("Accepted: {channels}", { channels: answer.results.map((one) => CHANNEL_TITLES[one.channelType] ?? one.channelType).join(", ") }));
    } catch (error) {
      setOutcome(undefined);
      setRefusal(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div class="columns">
      <form class="card" onSubmit={submit} noValidate aria-labelledby="send-title">
        <h1 id="send-title">{t("Send a notification")}</h1>
        <Field id="user_id" label={t("User")} error={problems["user_id"]}>
          <input
            id="user_id"
            name="user_id"
            value={user}
            list="users"
            maxLength={100}
            autocomplete="off"
            aria-invalid={problems["user_id"] ? true : undefined}
            aria-describedby={problems["user_id"] ? "user_id-error" : undefined}
            onInput={(event) => setUser(event.currentTarget.value)}
          />
          <datalist id="users">
            {[...known.keys()].map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <div class="quick">
            {[...new Set([...known.keys()].slice(0, 3).concat(QUICK_USERS))].map((name) => (
              <button key={name} type="button" class="quiet" onClick={() => setUser(name)}>
                {name}
              </button>
            ))}
            <button type="button" class="quiet" onClick={() => setUser(`test-${crypto.randomUUID().slice(0, 8)}`)}>
              {t("random")}
            </button>
          </div>
        </Field>
        <fieldset id="channels" tabIndex={-1} aria-describedby={problems["channels"] ? "channels-error" : undefined}>
          <legend>{t("Channels")}</legend>
          <div class="tiles">
            {CHANNELS.map((channel) => (
              <label key={channel} class="tile" data-channel={channel}>
                <input type="checkbox" checked={channels.has(channel)} onChange={() => choose(channel)} />
                <span>{CHANNEL_TITLES[channel]}</span>
                <span class="hint">
                  {!user.trim() || !isKnown
                    ? ""
                    : configured?.get(channel) === true
                      ? t("configured")
                      : configured?.has(channel)
                        ? t("switched off")
                        : t("not configured")}
                </span>
              </label>
            ))}
          </div>
          {problems["channels"] && (
            <p class="error" id="channels-error" role="alert">
              {problems["channels"]}
            </p>
          )}
        </fieldset>
        <fieldset class="switch">
          <legend class="unseen">{t("Content")}</legend>
          {(["custom", "template"] as const).map((one) => (
            <label key={one}>
              <input type="radio" name="mode" value={one} checked={mode === one} onChange={() => setMode(one)} />
              <span>{one === "custom" ? t("Own text") : t("Template")}</span>
            </label>
          ))}
        </fieldset>
        {mode === "custom" ? (
          <>
            <Field id="subject" label={t("Subject (optional)")}>
              <input id="subject" name="subject" maxLength={1000} />
            </Field>
            <Field id="content" label={t("Content")} error={problems["content"]}>
              <textarea id="content" name="content" rows={5} aria-invalid={problems["content"] ? true : undefined}
                aria-describedby={problems["content"] ? "content-error" : undefined} />
            </Field>
          </>
        ) : (
          <>
            <Field
              id="template_key"
              label={t("Template")}
              error={problems["template_key"]}
              hint={channels.size ? t("Only templates with a text for every chosen channel.") : t("Choose channels first.")}
            >
              <select
                id="template_key"
                value={template}
                aria-describedby={problems["template_key"] ? "template_key-hint template_key-error" : "template_key-hint"}
                aria-invalid={problems["template_key"] ? true : undefined}
                onChange={(event) => setTemplate(event.currentTarget.value)}
              >
                <option value="">{t("Choose …")}</option>
                {fitting.map((one) => (
                  <option key={one.template_key} value={one.template_key}>
                    {one.template_name} ({one.template_key})
                  </option>
                ))}
              </select>
            </Field>
            <Variables names={chosen?.variables ?? []} text={variables} change={setVariables} error={problems["variables"]} />
          </>
        )}
        <Field id="idempotency_key" label={t("Idempotency key (optional)")} hint={t("The same key within 24 hours sends nothing twice.")}>
          <input id="idempotency_key" name="idempotency_key" maxLength={255} autocomplete="off" aria-describedby="idempotency_key-hint" />
        </Field>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? t("Sending …") : t("Send")}
        </button>
      </form>
      <section class="card" aria-labelledby="result-title" aria-live="polite">
        <h2 id="result-title">{t("Result")}</h2>
        {refusal !== undefined && <Problem error={refusal} />}
        {outcome ? (
          <Results outcome={outcome} update={(results) => setOutcome({ ...outcome, results })} />
        ) : (
          refusal === undefined && <Nothing>{t("What each channel answered appears here.")}</Nothing>
        )}
      </section>
    </div>
  );
}

function channelsByUser(configurations: readonly Schemas["Configuration"][]) {
  const known = new Map<string, Map<string, boolean>>();
  for (const one of configurations) {
    const channels = known.get(one.user_id) ?? new Map<string, boolean>();
    channels.set(one.channel_type, one.is_active);
    known.set(one.user_id, channels);
  }
  return known;
}

/** The request's body, or what has to be mended first, by the id of its field. */
function requestOf(data: FormData, channels: string[], from: { template: string; variables: string } | undefined) {
  const found: Record<string, string> = {};
  const text = (name: string) => String(data.get(name) ?? "").trim();
  const body: Record<string, unknown> = { user_id: text("user_id"), channels };
  if (!text("user_id")) found["user_id"] = t("Enter a user id.");
  if (!channels.length) found["channels"] = t("Choose at least one channel.");
  if (!from) {
    if (!text("content")) found["content"] = t("Enter the content.");
    body["custom_content"] = { content: text("content"), ...(text("subject") ? { subject: text("subject") } : {}) };
  } else {
    if (!from.template) found["template_key"] = t("Choose a template.");
    body["template_key"] = from.template;
    const variables = parseObject(from.variables.trim() || "{}");
    if (variables) body["variables"] = variables;
    else found["variables"] = t("This isn't a JSON object.");
  }
  if (text("idempotency_key")) body["idempotency_key"] = text("idempotency_key");
  return { body, found };
}

function Results({ outcome, update }: { outcome: Outcome; update: (results: Result[]) => void }) {
  const open = outcome.results.some((one) => ["pending", "retry_scheduled"].includes(one.status));
  useLive({
    enabled: open,
    from: () => Math.max(0, ...outcome.results.map((one) => one.logId)),
    watched: () => outcome.results.map((one) => one.logId),
    changed: (rows) => {
      const byId = new Map(rows.map((row) => [row.id, row]));
      const next = outcome.results.map((one) => {
        const row = byId.get(one.logId);
        if (!row || row.status === one.status) return one;
        const { error: _, ...rest } = one;
        return { ...rest, status: row.status as Result["status"], ...(row.error ? { error: row.error } : {}) };
      });
      if (next.some((one, index) => one !== outcome.results[index])) update(next);
    },
  });
  return (
    <>
      <ul class="results">
        {outcome.results.map((one) => (
          <li key={one.channelType} class="result" data-status={one.status}>
            <p>
              <ChannelLabel channel={one.channelType} /> <StatusBadge status={one.status} />
              {one.logId > 0 && <a href={linkTo("notifications", String(one.logId))}>{t("Timeline")}</a>}
            </p>
            {one.error && (
              <p class="error">
                {one.error} {one.code && <code>{one.code}</code>}
              </p>
            )}
            {outcome.warnings.filter((warning) => "channelType" in warning && warning.channelType === one.channelType).map((warning) => (
              <p key={warning.code} class="caution">
                {textOf(warning)}
              </p>
            ))}
            {hasDetails(one.details) && (
              <details>
                <summary>{t("What the channel answered")}</summary>
                <Json value={one.details} label={t("What the channel answered")} />
              </details>
            )}
          </li>
        ))}
      </ul>
      <p class="hint">
        {t("request")} <code>{outcome.requestId}</code> · {formatDuration(outcome.durationMs)} ·{" "}
        {t("the raw exchange is at the foot of the page")}
      </p>
    </>
  );
}

function textOf(warning: Warning): string {
  if (warning.code === "TRUNCATED") return t("The text was longer than the channel allows, and was cut off.");
  return "variables" in warning && warning.variables ? t("Without a value, and so sent as written: {names}", { names: asWritten(warning.variables) }) : warning.message;
}

const hasDetails = (details: unknown): boolean =>
  details !== null && details !== undefined && (typeof details !== "object" || Object.keys(details).length > 0);
