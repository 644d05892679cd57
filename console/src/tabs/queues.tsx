/** What waits for a retry, and what ended without being delivered. */

import { useState } from "preact/hooks";

import { call } from "../api/client";
import { useLoaded, useRegularly } from "../api/loading";
import { formatNumber, t } from "../language";
import { linkTo } from "../route";
import { confirmed } from "../ui/confirm";
import { CHANNELS, CHANNEL_TITLES, ChannelLabel, Moment, Nothing, Problem, Waiting } from "../ui/parts";
import { actions, numbers, Table } from "../ui/table";
import { describeError, toast, toastError } from "../ui/toast";
import { Holds } from "./holds";

const EVERY_MS = 10_000;
const SHOWN = 100;

export function Queues() {
  const status = useLoaded((signal) => call("get", "/api/queue/status", { signal, quiet: true }), []);
  const dead = useLoaded(
    (signal) => call("get", "/api/notification-logs", { query: { status: "failed", limit: SHOWN }, signal, quiet: true }),
    [],
  );
  const reload = () => {
    status.reload();
    dead.reload();
  };
  useRegularly(reload, EVERY_MS);
  const act = async (work: () => Promise<string>) => {
    try {
      toast(await work());
      reload();
    } catch (error) {
      toastError(error);
    }
  };
  const queues = status.data?.data.queues ?? [];
  return (
    <>
      <h1>{t("Queues and dead letters")}</h1>
      {status.error !== undefined && <Problem error={status.error} again={reload} />}
      <div class="figures">
        {queues.map((queue) => (
          <div key={queue.name} class="figure card">
            <span class="value">{queue.size < 0 ? t("unknown") : formatNumber(queue.size)}</span>
            <span>
              {t("messages in")} <code>{queue.name}</code>
            </span>
          </div>
        ))}
        {status.data && (
          <div class="figure card">
            <span class="value">{formatNumber(status.data.data.processingRate)}</span>
            <span>{t("sent in the last hour")}</span>
          </div>
        )}
      </div>
      {!status.data && status.busy && <Waiting />}
      {status.data && <Waits items={status.data.data.pendingRetries.items} count={status.data.data.pendingRetries.count} act={act} />}
      <Holds />
      {dead.error !== undefined && <Problem error={dead.error} again={reload} />}
      {dead.data && <DeadLetters rows={dead.data.data.logs} total={dead.data.data.total} act={act} />}
    </>
  );
}

type Act = (work: () => Promise<string>) => Promise<void>;
type WaitingItems = Awaited<ReturnType<typeof readStatus>>["data"]["pendingRetries"]["items"];
const readStatus = () => call("get", "/api/queue/status");

function Waits({ items, count, act }: { items: WaitingItems; count: number; act: Act }) {
  const end = async (ids: number[] | undefined) => {
    const agreed = await confirmed({
      title: ids ? t("Cancel the waiting retry?") : t("End all waiting retries?"),
      text: t("They end as failed: you can still send them again from the dead letters."),
      action: t("End"),
    });
    if (!agreed) return;
    await act(async () => {
      const { data } = await call("post", "/api/queue/clear-retries", { body: ids ? { taskIds: ids } : {} });
      return t("{count} ended.", { count: data.updated });
    });
  };
  return (
    <section aria-labelledby="waiting-title">
      <div class="title-row">
        <h2 id="waiting-title">{t("Waiting for a retry")}</h2>
        {count > items.length && (
          <span class="hint">{t("the next {shown} of {count}", { shown: items.length, count: formatNumber(count) })}</span>
        )}
        <span class="spacer" />
        {count > 0 && (
          <button type="button" onClick={() => void end(undefined)}>
            {t("End all …")}
          </button>
        )}
      </div>
      {items.length === 0 ? (
        <Nothing>{t("Nothing waits.")}</Nothing>
      ) : (
        <Table
          label={t("Waiting for a retry")}
          columns={[
            t("Next attempt"),
            t("User"),
            t("Channel"),
            numbers(t("Retry")),
            t("Last error"),
            actions(),
          ]}
        >
          {items.map((item) => (
            <tr key={item.id}>
              <td>
                <a href={linkTo("notifications", String(item.id))}>
                  <Moment at={item.next_retry_at} />
                </a>
              </td>
              <td class="user">{item.user_id}</td>
              <td>
                <ChannelLabel channel={item.channel} />
              </td>
              <td class="number" data-label={t("Retry")}>
                {item.retry_count}
              </td>
              <td class="subject">{item.error_message}</td>
              <td class="row-actions">
                <button type="button" class="quiet" onClick={() => void end([item.id])}>
                  {t("End")}
                </button>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

/** Which dead letters are sent again: those that match all that is filled in, refused ones as well. */
function RetryFilter({ send }: { send: (filter: Record<string, string>) => Promise<void> }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const filter: Record<string, string> = {};
    for (const [name, value] of new FormData(event.currentTarget as HTMLFormElement)) {
      const text = String(value).trim();
      if (text) filter[name] = name === "since" ? new Date(text).toISOString() : text;
    }
    if (Object.keys(filter).length) void send(filter);
  };
  return (
    <form class="filters" aria-label={t("Send again by filter")} onSubmit={submit}>
      <select name="channel" aria-label={t("Channel to send again")}>
        <option value="">{t("Every channel")}</option>
        {CHANNELS.map((one) => (
          <option key={one} value={one}>
            {CHANNEL_TITLES[one]}
          </option>
        ))}
      </select>
      <input name="user_id" aria-label={t("User to send to again")} placeholder={t("User")} maxLength={100} autocomplete="off" />
      <input name="code" aria-label={t("Error code")} placeholder={t("Error code")} maxLength={100} autocomplete="off" />
      <label class="inline">
        {t("Accepted since")}
        <input name="since" type="datetime-local" />
      </label>
      <button type="submit">{t("Send those again")}</button>
      <p class="hint">{t("What matches all of these is sent again, what an endpoint refused included.")}</p>
    </form>
  );
}

/** Why dead letters were not queued, in the service's own words. */
const reasons = (data: { skipped: { count: number; explanation: string }[] }): string =>
  data.skipped.map((one) => `${one.count} ${one.explanation}`).join("; ");

function outcomeOf(queued: number, left: number, why: string): string {
  const told = t("{count} queued for another attempt.", { count: queued });
  return left > 0 ? `${told} ${t("{count} stay: {reasons}.", { count: left, reasons: why.replace(/\.$/, "") })}` : told;
}

interface DeadRow {
  id: number;
  created_at: string;
  user_id: string;
  channel_type: string;
  subject: string | null;
  error: string | null;
  last_error_code: string | null;
}

function DeadLetters({ rows, total, act }: { rows: DeadRow[]; total: number; act: Act }) {
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const ids = rows.map((row) => row.id).filter((id) => chosen.has(id));
  const choose = (id: number) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const sendAgain = () =>
    act(async () => {
      const sent = await Promise.allSettled(
        ids.map((id) => call("post", "/api/notifications/retry", { body: { log_id: id }, quiet: true })),
      );
      setChosen(new Set());
      const refused = sent.filter((one) => one.status === "rejected");
      const why = new Set(refused.map((one) => describeError(one.reason)));
      return outcomeOf(sent.length - refused.length, refused.length, [...why].join("; "));
    });
  const sendAll = (filter: Record<string, string>) =>
    act(async () => {
      const { data } = await call("post", "/api/notifications/retry", { body: filter });
      return outcomeOf(data.queued, data.matched - data.queued, reasons(data));
    });
  const discard = async () => {
    const agreed = await confirmed({
      title: t("Discard {count} notifications?", { count: ids.length }),
      text: t("They end as cancelled and will not be sent again."),
      action: t("Discard"),
    });
    if (!agreed) return;
    await act(async () => {
      const { data } = await call("post", "/api/queue/discard-failed", { body: { taskIds: ids } });
      setChosen(new Set());
      return t("{count} discarded.", { count: data.updated });
    });
  };
  return (
    <section aria-labelledby="dead-title">
      <div class="title-row">
        <h2 id="dead-title">{t("Dead letters")}</h2>
        <span class="hint">{t("{count} failed", { count: formatNumber(total) })}</span>
        <span class="spacer" />
        {ids.length > 0 && (
          <>
            <button type="button" class="primary" onClick={() => void sendAgain()}>
              {t("Send {count} again", { count: ids.length })}
            </button>
            <button type="button" onClick={() => void discard()}>
              {t("Discard {count} …", { count: ids.length })}
            </button>
          </>
        )}
        {ids.length === 0 && rows.length > 0 && (
          <button type="button" onClick={() => void sendAll({})}>
            {t("Send again all that may succeed")}
          </button>
        )}
      </div>
      {rows.length > 0 && <RetryFilter send={sendAll} />}
      {rows.length === 0 ? (
        <Nothing>{t("No dead letters.")}</Nothing>
      ) : (
        <Table
          label={t("Dead letters")}
          columns={[
            <input
                    type="checkbox"
                    aria-label={t("Choose all")}
                    checked={ids.length === rows.length}
                    onChange={() => setChosen(ids.length === rows.length ? new Set() : new Set(rows.map((row) => row.id)))}
                  />,
            t("Accepted"),
            t("User"),
            t("Channel"),
            t("Subject"),
            t("Last error"),
          ]}
        >
          {rows.map((row) => (
            <tr key={row.id}>
              <td>
                <input
                  type="checkbox"
                  aria-label={t("Choose notification {id}", { id: row.id })}
                  checked={chosen.has(row.id)}
                  onChange={() => choose(row.id)}
                />
              </td>
              <td>
                <a href={linkTo("notifications", String(row.id))}>
                  <Moment at={row.created_at} />
                </a>
              </td>
              <td class="user">{row.user_id}</td>
              <td>
                <ChannelLabel channel={row.channel_type} />
              </td>
              <td class="subject">{row.subject}</td>
              <td class="subject">
                {row.last_error_code && <code>{row.last_error_code}</code>} {row.error}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
