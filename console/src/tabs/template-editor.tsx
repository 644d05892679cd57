/** Edits one template; every change is drawn as each of the channels would show it. */

import { useEffect, useState } from "preact/hooks";

import { call, type Answer } from "../api/client";
import { DrawnPayload } from "../drawings/drawing";
import { t } from "../language";
import { CHANNELS, CHANNEL_TITLES, ChannelLabel, Field, type ChannelName } from "../ui/parts";
import { describeError } from "../ui/toast";
import { parseObject } from "./variables";

export interface Content {
  content_type: "text" | "html" | "markdown" | "json";
  subject_template: string;
  content_template: string;
}

export interface Draft {
  key: string;
  name: string;
  description: string;
  variables: string[];
  contents: Record<string, Content>;
}

type Previews = Answer<"/api/templates/{key}/preview", "post">["data"];

const CONTENT_TYPES = ["text", "markdown", "html", "json"] as const;
const PAUSE_MS = 250;
const KEY_FORM = /^[A-Za-z0-9_-]{1,100}$/;

interface EditorProps {
  draft: Draft;
  isNew: boolean;
  saved: (key: string) => void;
}

export function TemplateEditor({ draft: initial, isNew, saved }: EditorProps) {
  const [draft, setDraft] = useState(initial);
  const [channel, setChannel] = useState<ChannelName>(
    CHANNELS.find((one) => one in initial.contents) ?? "webhook",
  );
  const [samples, setSamples] = useState(() =>
    JSON.stringify(Object.fromEntries(initial.variables.map((name) => [name, name])), null, 2),
  );
  const [problem, setProblem] = useState("");
  const [removed, setRemoved] = useState<readonly string[]>([]);
  const content = draft.contents[channel];
  const variables = parseObject(samples || "{}");
  const previews = usePreviews(draft, variables);
  const silent = CHANNELS.filter((one) => !(one in draft.contents));

  const change = (part: Partial<Content>) =>
    setDraft({
      ...draft,
      contents: {
        ...draft.contents,
        [channel]: { content_type: "text", subject_template: "", content_template: "", ...content, ...part },
      },
    });
  const dropChannel = () => {
    const { [channel]: _, ...rest } = draft.contents;
    setDraft({ ...draft, contents: rest });
    setRemoved([...removed, channel]);
  };

  async function save(event: SubmitEvent) {
    event.preventDefault();
    setProblem("");
    if (!KEY_FORM.test(draft.key)) {
      setProblem(t("The key has 1 to 100 letters, digits, “-” and “_”."));
      document.getElementById("template-key")?.focus();
      return;
    }
    if (!Object.keys(draft.contents).length) {
      setProblem(t("Write a text for at least one channel."));
      return;
    }
    try {
      await call("post", "/api/templates/{key}", {
        parameters: { key: draft.key },
        body: {
          name: draft.name || draft.key,
          description: draft.description || null,
          variables: draft.variables,
          contents: Object.fromEntries(
            Object.entries(draft.contents).map(([name, one]) => [
              name,
              { ...one, subject_template: one.subject_template || null },
            ]),
          ),
        },
      });
      for (const name of removed.filter((one) => !(one in draft.contents))) {
        if (!(name in initial.contents)) continue;
        await call("delete", "/api/templates/{key}/contents/{channel}", {
          parameters: { key: draft.key, channel: name },
        });
      }
      setRemoved([]);
      saved(draft.key);
    } catch (error) {
      setProblem(describeError(error));
    }
  }

  return (
    <form onSubmit={save} noValidate>
      <div class="editor">
        <div class="card">
          <div class="pair">
            <Field id="template-key" label={t("Key")}>
              <input
                id="template-key"
                value={draft.key}
                readOnly={!isNew}
                maxLength={100}
                autocomplete="off"
                onInput={(event) => setDraft({ ...draft, key: event.currentTarget.value.trim() })}
              />
            </Field>
            <Field id="template-name" label={t("Name")}>
              <input
                id="template-name"
                value={draft.name}
                maxLength={200}
                onInput={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
              />
            </Field>
          </div>
          <div class="pair">
            <Field id="template-description" label={t("Description")}>
              <input
                id="template-description"
                value={draft.description}
                maxLength={1000}
                onInput={(event) => setDraft({ ...draft, description: event.currentTarget.value })}
              />
            </Field>
            <Field id="template-variables" label={t("Variables")} hint={t("Separated by commas.")}>
              <input
                id="template-variables"
                defaultValue={initial.variables.join(", ")}
                aria-describedby="template-variables-hint"
                onInput={(event) =>
                  setDraft({
                    ...draft,
                    variables: event.currentTarget.value.split(",").map((one) => one.trim()).filter(Boolean),
                  })
                }
              />
            </Field>
          </div>
          <Field
            id="samples"
            label={t("Sample values (JSON)")}
            error={variables ? undefined : t("This isn't a JSON object.")}
            hint={t("Only the preview uses them.")}
          >
            <textarea
              id="samples"
              class="mono"
              rows={Math.min(Math.max(5, initial.variables.length + 2), 12)}
              spellcheck={false}
              value={samples}
              aria-describedby="samples-hint"
              onInput={(event) => setSamples(event.currentTarget.value)}
            />
          </Field>
        </div>
        <div class="card">
          <fieldset class="switch channels">
            <legend class="unseen">{t("Channel")}</legend>
            {CHANNELS.map((one) => (
              <label key={one}>
                <input type="radio" name="channel" value={one} checked={channel === one} onChange={() => setChannel(one)} />
                <span>
                  {CHANNEL_TITLES[one]}
                  {one in draft.contents ? "" : " +"}
                </span>
              </label>
            ))}
          </fieldset>
          {content ? (
            <>
              <div class="pair">
                <Field id="content-type" label={t("Content type")}>
                  <select
                    id="content-type"
                    value={content.content_type}
                    onChange={(event) => change({ content_type: event.currentTarget.value as Content["content_type"] })}
                  >
                    {CONTENT_TYPES.map((one) => (
                      <option key={one} value={one}>
                        {one}
                      </option>
                    ))}
                  </select>
                </Field>
                <Field id="subject-template" label={t("Subject (optional)")}>
                  <input
                    id="subject-template"
                    value={content.subject_template}
                    onInput={(event) => change({ subject_template: event.currentTarget.value })}
                  />
                </Field>
              </div>
              <Field id="content-template" label={t("Text for {channel}", { channel: CHANNEL_TITLES[channel] ?? channel })}>
                <textarea
                  id="content-template"
                  class="mono"
                  rows={9}
                  value={content.content_template}
                  onInput={(event) => change({ content_template: event.currentTarget.value })}
                />
              </Field>
              <button type="button" class="quiet" onClick={dropChannel}>
                {t("Remove this channel's text")}
              </button>
            </>
          ) : (
            <p class="nothing">
              {t("No text for this channel: sends over it fail.")}
              <br />
              <button type="button" onClick={() => change({ content_template: Object.values(draft.contents)[0]?.content_template ?? "" })}>
                {t("Write one")}
              </button>
            </p>
          )}
        </div>
      </div>
      <div class="title-row save-row">
        <h2 id="preview-title">{t("Preview")}</h2>
        <span class="spacer" />
        {problem && (
          <p class="error" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary">
          {t("Save")}
        </button>
      </div>
      <div class="previews" role="region" aria-labelledby="preview-title" aria-live="polite">
        {CHANNELS.map((one) => previews[one] && <Preview key={one} channel={one} preview={previews[one]} />)}
      </div>
      {silent.length > 0 && (
        <p class="hint">{t("No text: {names}", { names: silent.map((one) => CHANNEL_TITLES[one] ?? one).join(", ") })}</p>
      )}
    </form>
  );
}

function Preview({ channel, preview }: { channel: string; preview: NonNullable<Previews[string]> }) {
  return (
    <section class="preview" aria-label={CHANNEL_TITLES[channel]} data-channel={channel}>
      <p class="preview-title">
        <ChannelLabel channel={channel} />
      </p>
      {preview.error && (
        <p class="error" role="alert">
          {preview.error}
        </p>
      )}
      {preview.payloads?.map((payload, index) => <DrawnPayload key={index} channel={channel} payload={payload} />)}
      {preview.missing_variables.length > 0 && (
        <p class="hint">{t("Without a value: {names}", { names: preview.missing_variables.join(", ") })}</p>
      )}
    </section>
  );
}

/** The service renders the draft, by the code that sends: the preview can't differ from it. */
function usePreviews(draft: Draft, variables: Record<string, unknown> | undefined): Previews {
  const [previews, setPreviews] = useState<Previews>({});
  const asked = JSON.stringify([draft.contents, variables]);
  useEffect(() => {
    if (!variables) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const { data } = await call("post", "/api/templates/{key}/preview", {
          parameters: { key: KEY_FORM.test(draft.key) ? draft.key : "draft" },
          body: { variables, contents: withoutEmptySubjects(draft.contents) },
          quiet: true,
          signal: stop.signal,
        });
        setPreviews(data);
      } catch (error) {
        if (stop.signal.aborted) return;
        const text = describeError(error);
        const failed = { subject: null, content: "", content_type: "text" as const, missing_variables: [], error: text };
        setPreviews(Object.fromEntries(Object.keys(draft.contents).map((name) => [name, failed])));
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [asked]);
  return previews;
}

const withoutEmptySubjects = (contents: Record<string, Content>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(contents).map(([name, { subject_template, ...rest }]) => [
      name,
      subject_template ? { ...rest, subject_template } : rest,
    ]),
  );
