/** Traffic, success rate and latency over time, in total and by channel. */

import { useState } from "preact/hooks";

import { call, serviceNow, type Answer } from "../api/client";
import { useLoaded, useRegularly } from "../api/loading";
import { formatDuration, formatNumber, t, type Text } from "../language";
import { LineChart } from "../ui/line-chart";
import { CHANNELS, CHANNEL_TITLES, Problem, Waiting, type ChannelName } from "../ui/parts";

type Overview = Answer<"/api/stats/overview", "get">["data"];
type Values = Overview["total"];

const EVERY_MS = 60_000;
const DAY_MS = 86_400_000;
const RANGES: readonly { days: number; title: Text }[] = [
  { days: 1, title: "24 hours" },
  { days: 7, title: "7 days" },
  { days: 30, title: "30 days" },
];

export function Charts() {
  const [days, setDays] = useState(1);
  const [channel, setChannel] = useState("");
  const loaded = useLoaded(
    async (signal) => {
      const from = new Date(serviceNow() - days * DAY_MS).toISOString();
      const answer = await call("get", "/api/stats/overview", { query: { from }, signal, quiet: true });
      return answer.data;
    },
    [days],
  );
  useRegularly(loaded.reload, EVERY_MS);
  const overview = loaded.data;
  const values = overview && (channel ? overview.channels[channel] : overview.total);
  return (
    <>
      <div class="title-row">
        <h1>{t("Charts")}</h1>
        <span class="spacer" />
        <select aria-label={t("Channel")} value={channel} onChange={(event) => setChannel(event.currentTarget.value)}>
          <option value="">{t("All channels")}</option>
          {CHANNELS.map((one) => (
            <option key={one} value={one}>
              {CHANNEL_TITLES[one]}
            </option>
          ))}
        </select>
        <fieldset class="switch">
          <legend class="unseen">{t("Range")}</legend>
          {RANGES.map((range) => (
            <label key={range.days}>
              <input type="radio" name="range" checked={days === range.days} onChange={() => setDays(range.days)} />
              <span>{t(range.title)}</span>
            </label>
          ))}
        </fieldset>
      </div>
      {loaded.error !== undefined && <Problem error={loaded.error} again={loaded.reload} />}
      {!overview && loaded.busy && <Waiting />}
      {overview && values && (
        <>
          <Sums values={values} />
          <div class="charts">
            <LineChart
              title={t("Traffic")}
              times={overview.times}
              format={(value) => formatNumber(value)}
              lines={[
                { name: t("Accepted"), colour: "--ink-soft", values: values.accepted, fill: true },
                { name: t("Sent"), colour: "--good", values: values.sent },
                { name: t("Failed"), colour: "--bad", values: values.failed },
              ]}
            />
            <LineChart
              title={t("Traffic by channel")}
              times={overview.times}
              format={(value) => formatNumber(value)}
              lines={busyChannels(overview).map((one) => ({
                name: CHANNEL_TITLES[one] ?? one,
                colour: `--channel-${one}`,
                values: overview.channels[one]?.accepted ?? [],
              }))}
            />
            <LineChart
              title={t("Success rate")}
              times={overview.times}
              format={(value) => `${formatNumber(value, 1)} %`}
              max={100}
              lines={[{ name: t("Success rate"), colour: "--good", values: settledOnly(values, values.success_rate), fill: true }]}
            />
            <LineChart
              title={t("From acceptance to delivery")}
              times={overview.times}
              format={formatDuration}
              lines={[
                { name: t("Mean"), colour: "--channel-telegram", values: settledOnly(values, values.avg_response_time) },
                { name: t("95th percentile"), colour: "--accent", values: settledOnly(values, values.p95_response_time) },
              ]}
            />
          </div>
        </>
      )}
    </>
  );
}

/** The channels that had traffic, or all where none had. */
function busyChannels(overview: Overview): readonly ChannelName[] {
  const busy = CHANNELS.filter((one) => overview.channels[one]?.accepted.some(Boolean));
  return busy.length ? busy : CHANNELS;
}

/** A rate or a time of nothing is no zero. */
const settledOnly = (values: Values, numbers: number[]): (number | null)[] =>
  numbers.map((one, index) => ((values.sent[index] ?? 0) + (values.failed[index] ?? 0) ? one : null));

const sum = (values: number[]): number => values.reduce((total, one) => total + one, 0);

function Sums({ values }: { values: Values }) {
  const sent = sum(values.sent);
  const failed = sum(values.failed);
  const settled = sent + failed;
  const figures: [string, string][] = [
    [t("accepted"), formatNumber(sum(values.accepted))],
    [t("delivered"), formatNumber(sent)],
    [t("failed"), formatNumber(failed)],
    [t("success rate"), settled ? `${formatNumber((100 * sent) / settled, 2)} %` : "–"],
    [t("retries"), formatNumber(sum(values.retries))],
  ];
  return (
    <div class="figures">
      {figures.map(([name, value]) => (
        <div key={name} class="figure card">
          <span class="value">{value}</span>
          <span>{name}</span>
        </div>
      ))}
    </div>
  );
}
