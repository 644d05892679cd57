/** Channels that are held back: what comes in waits until the hold ends. */

import { call, serviceNow } from "../api/client";
import { useLoaded, useRegularly } from "../api/loading";
import { formatNumber, t } from "../language";
import { confirmed } from "../ui/confirm";
import { CHANNELS, CHANNEL_TITLES, ChannelLabel, Moment, Nothing, Problem } from "../ui/parts";
import { actions, numbers, Table } from "../ui/table";
import { toast, toastError } from "../ui/toast";

const EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;
const HOURS = [1, 4, 12, 24, 72];

export function Holds() {
  const list = useLoaded((signal) => call("get", "/api/holds", { signal, quiet: true }), []);
  useRegularly(list.reload, EVERY_MS);
  const act = async (work: () => Promise<string>) => {
    try {
      toast(await work());
      list.reload();
    } catch (error) {
      toastError(error);
    }
  };
  const hold = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    const [channel, user] = [String(data.get("channel")), String(data.get("user")).trim()];
    const agreed = await confirmed({
      title: user
        ? t("Hold {channel} of {user}?", { channel: CHANNEL_TITLES[channel] ?? channel, user })
        : t("Hold {channel} for everybody?", { channel: CHANNEL_TITLES[channel] ?? channel }),
      text: t("What comes in is accepted and waits. Nothing is called until the hold ends."),
      action: t("Hold"),
    });
    if (!agreed) return;
    const until = new Date(serviceNow() + Number(data.get("hours")) * HOUR_MS).toISOString();
    await act(async () => {
      await call("put", "/api/holds/{channel}", {
        parameters: { channel },
        query: user ? { user_id: user } : {},
        body: { until, reason: String(data.get("reason")).trim() },
      });
      form.reset();
      return t("Held.");
    });
  };
  const release = (channel: string, user: string | null) =>
    act(async () => {
      const { data } = await call("delete", "/api/holds/{channel}", {
        parameters: { channel },
        query: user ? { user_id: user } : {},
      });
      return t("{count} go on.", { count: data.released });
    });
  const holds = list.data?.data.holds ?? [];
  return (
    <section aria-labelledby="holds-title">
      <h2 id="holds-title">{t("Holds")}</h2>
      <p class="hint lead">
        {t("A held channel accepts notifications and delivers none, for everybody or one user, until the hold ends.")}
      </p>
      <form class="filters" onSubmit={(event) => void hold(event)}>
        <select name="channel" aria-label={t("Channel to hold")}>
          {CHANNELS.map((one) => (
            <option key={one} value={one}>
              {CHANNEL_TITLES[one]}
            </option>
          ))}
        </select>
        <input name="user" aria-label={t("User; empty holds everybody")} placeholder={t("User; empty holds everybody")} maxLength={100} autocomplete="off" />
        <select name="hours" aria-label={t("For how long")}>
          {HOURS.map((hours) => (
            <option key={hours} value={hours}>
              {t("{hours} h", { hours })}
            </option>
          ))}
        </select>
        <input name="reason" aria-label={t("Reason")} placeholder={t("Reason")} maxLength={200} autocomplete="off" />
        <button type="submit">{t("Hold …")}</button>
      </form>
      {list.error !== undefined && <Problem error={list.error} again={list.reload} />}
      {list.data && holds.length === 0 && <Nothing>{t("Nothing is held.")}</Nothing>}
      {holds.length > 0 && (
        <Table
          label={t("Holds")}
          columns={[t("Channel"), t("User"), t("Until"), numbers(t("Waiting")), t("Reason"), actions()]}
        >
          {holds.map((one) => (
            <tr key={`${one.channel}/${one.user_id ?? ""}`}>
              <td>
                <ChannelLabel channel={one.channel} />
              </td>
              <td class="user">{one.user_id ?? t("everybody")}</td>
              <td>
                <Moment at={one.until} />
              </td>
              <td class="number" data-label={t("Waiting")}>{formatNumber(list.data?.data.waiting[one.channel] ?? 0)}</td>
              <td class="subject">{one.reason}</td>
              <td class="row-actions">
                <button type="button" class="quiet" onClick={() => void release(one.channel, one.user_id)}>
                  {t("Release")}
                </button>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
