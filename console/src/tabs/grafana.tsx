/** Tries Grafana's contact point with an alert of one's own. */

import { useState } from "preact/hooks";

import { call, serviceNow, type Answer } from "../api/client";
import { t, type Text } from "../language";
import { CHANNELS, CHANNEL_TITLES, ChannelLabel, Copyable, Field, Problem, StatusBadge } from "../ui/parts";
import { parseObject } from "./variables";

type Outcome = Answer<"/api/webhooks/grafana", "post">;

interface Preset {
  title: Text;
  alertname: string;
  severity: string;
  summary: string;
  value: number;
}

const PRESETS: Record<string, Preset> = {
  cpu: { title: "CPU", alertname: "HighCPU", severity: "critical", summary: "CPU above 90 % for 5 minutes", value: 95.2 },
  memory: { title: "Memory", alertname: "HighMemory", severity: "warning", summary: "Memory above 85 %", value: 88.1 },
  disk: { title: "Disk", alertname: "DiskAlmostFull", severity: "warning", summary: "Disk is 92 % full", value: 92 },
  latency: { title: "API latency", alertname: "SlowAPI", severity: "critical", summary: "95th percentile above 2 s", value: 2.4 },
};

function alertOf(name: string, receiver: string, status: string, template: string): object {
  const preset = PRESETS[name] ?? PRESETS["cpu"]!;
  const now = serviceNow();
  const labels = { alertname: preset.alertname, severity: preset.severity, instance: "server-01" };
  return {
    receiver,
    status,
    groupKey: `{}:{alertname="${preset.alertname}"}`,
    externalURL: "https://grafana.example.com",
    commonLabels: { ...labels, ...(template ? { notification_template: template } : {}) },
    alerts: [
      {
        status,
        labels,
        annotations: { summary: preset.summary },
        startsAt: new Date(now - 300_000).toISOString(),
        endsAt: status === "resolved" ? new Date(now).toISOString() : "0001-01-01T00:00:00Z",
        generatorURL: "https://grafana.example.com/alerting/1",
        values: { B: preset.value },
      },
    ],
  };
}

export function Grafana() {
  const [preset, setPreset] = useState("cpu");
  const [receiver, setReceiver] = useState("ops-team");
  const [status, setStatus] = useState("firing");
  const [template, setTemplate] = useState("");
  const [channels, setChannels] = useState<ReadonlySet<string>>(new Set(["webhook"]));
  const [edited, setEdited] = useState<string | undefined>();
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const [refusal, setRefusal] = useState<unknown>();
  const [problem, setProblem] = useState("");
  const text = edited ?? JSON.stringify(alertOf(preset, receiver, status, template), null, 2);
  const change = (work: () => void) => {
    work();
    setEdited(undefined);
  };

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const body = parseObject(text);
    setProblem(body ? "" : t("This isn't a JSON object."));
    setOutcome(undefined);
    setRefusal(undefined);
    if (!body) return;
    const pair = `${String(data.get("grafana_user"))}:${String(data.get("grafana_password"))}`;
    const basic = btoa(String.fromCharCode(...new TextEncoder().encode(pair)));
    try {
      setOutcome(
        await call("post", "/api/webhooks/grafana", {
          body: body as never,
          headers: { Authorization: `Basic ${basic}`, "X-Notification-Channels": [...channels].join(",") },
        }),
      );
    } catch (error) {
      setRefusal(error);
    }
  }

  return (
    <div class="columns">
      <form class="card" onSubmit={submit} noValidate aria-labelledby="grafana-title">
        <h1 id="grafana-title">{t("Try a Grafana alert")}</h1>
        <div class="pair">
          <Field id="grafana_user" label={t("User name of the contact point")}>
            <input id="grafana_user" name="grafana_user" autocomplete="off" />
          </Field>
          <Field id="grafana_password" label={t("Password")}>
            <input id="grafana_password" name="grafana_password" type="password" autocomplete="off" />
          </Field>
        </div>
        <div class="pair">
          <Field id="receiver" label={t("Receiver (the user)")}>
            <input id="receiver" value={receiver} onInput={(event) => change(() => setReceiver(event.currentTarget.value))} />
          </Field>
          <Field id="grafana_template" label={t("Template (optional)")}>
            <select id="grafana_template" value={template} onChange={(event) => change(() => setTemplate(event.currentTarget.value))}>
              {["", "grafana-alert", "grafana-alert-critical"].map((one) => (
                <option key={one} value={one}>
                  {one || t("none")}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <fieldset>
          <legend>{t("Channels")}</legend>
          <div class="checks">
            {CHANNELS.map((channel) => (
              <label key={channel} class="check">
                <input
                  type="checkbox"
                  checked={channels.has(channel)}
                  onChange={() => {
                    const next = new Set(channels);
                    if (!next.delete(channel)) next.add(channel);
                    setChannels(next);
                  }}
                />{" "}
                {CHANNEL_TITLES[channel]}
              </label>
            ))}
          </div>
        </fieldset>
        <div class="quick">
          {Object.entries(PRESETS).map(([name, one]) => (
            <button key={name} type="button" class="quiet" aria-pressed={preset === name} onClick={() => change(() => setPreset(name))}>
              {t(one.title)}
            </button>
          ))}
          {(["firing", "resolved"] as const).map((one) => (
            <button key={one} type="button" class="quiet" aria-pressed={status === one} onClick={() => change(() => setStatus(one))}>
              {one}
            </button>
          ))}
        </div>
        <Field id="alert" label={t("Alert (JSON)")} error={problem || undefined}>
          <textarea id="alert" class="mono" rows={14} spellcheck={false} value={text} onInput={(event) => setEdited(event.currentTarget.value)} />
        </Field>
        <button type="submit" class="primary">
          {t("Send the alert")}
        </button>
      </form>
      <section class="card" aria-labelledby="grafana-result" aria-live="polite">
        <h2 id="grafana-result">{t("Result")}</h2>
        {refusal !== undefined && <Problem error={refusal} />}
        {outcome && (
          <ul class="results">
            {outcome.data.notification_status.map((one) => (
              <li key={one.channelType} class="result" data-status={one.status}>
                <p>
                  <ChannelLabel channel={one.channelType} /> <StatusBadge status={one.status} />
                </p>
                {one.error && <p class="error">{one.error}</p>}
              </li>
            ))}
          </ul>
        )}
        <h3>{t("Contact point in Grafana")}</h3>
        <ol class="steps">
          <li>{t("Alerting → Contact points → New: choose the type “Webhook”.")}</li>
          <li>
            {t("URL:")} <Copyable text={`${location.origin}/api/webhooks/grafana`} label="URL" />
          </li>
          <li>{t("User name and password: GRAFANA_WEBHOOK_USERNAME and GRAFANA_WEBHOOK_PASSWORD of the stack.")}</li>
          <li>{t("Header X-Notification-Channels: the channels, separated by commas.")}</li>
          <li>{t("The contact point's name is the user who is notified.")}</li>
        </ol>
      </section>
    </div>
  );
}
