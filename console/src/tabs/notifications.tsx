/** All notifications: filters, search, pages, and the newest ones as they come. */

import { useEffect, useRef, useState } from "preact/hooks";

import { call } from "../api/client";
import { useLive, type LiveState, type NotificationBrief } from "../api/live";
import { useLoaded, useRegularly } from "../api/loading";
import { t, type Text } from "../language";
import { goTo, linkTo, usePlace } from "../route";
import { CHANNELS, CHANNEL_TITLES, ChannelLabel, Moment, Nothing, Problem, StatusBadge, Waiting, statusTitle } from "../ui/parts";
import { Icon } from "../ui/icons";
import { ListWithPane } from "../ui/pane";
import { Pages, pageOf } from "../ui/pages";
import { Table } from "../ui/table";
import { NotificationLife } from "./notification-life";

const PAGE = 25;
/** How often "3 seconds ago" is told anew. */
const TICK_MS = 5_000;
const STATUSES = ["pending", "sent", "retry", "failed", "cancelled"] as const;
const UNSETTLED = new Set(["pending", "retry_scheduled"]);
const LIVE_TITLES: Record<LiveState, Text> = {
  live: "Live",
  slow: "Live, every 30 s",
  paused: "Paused",
  failing: "Not live: the service doesn't answer",
};

type Filters = Record<string, string>;

/** What a search for one text means: its form tells which field it is of. */
export function searchFilter(text: string): Filters {
  const wanted = text.trim();
  if (!wanted) return {};
  if (wanted.startsWith("ntf_")) return { message_id: wanted };
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(wanted)) {
    return { request_id: wanted };
  }
  return { user_id: wanted };
}

export function Notifications() {
  const place = usePlace();
  const { page: _page, search = "", ...filters } = place.query;
  const page = pageOf(place.query);
  const chosen = { ...filters, ...searchFilter(search) };
  const key = JSON.stringify([chosen, page]);
  const list = useLoaded(
    (signal) =>
      call("get", "/api/notification-logs", {
        query: { ...chosen, limit: PAGE, offset: page * PAGE } as never,
        signal,
        quiet: true,
      }),
    [key],
  );
  const [rows, setRows] = useState<NotificationBrief[]>([]);
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set());
  const [added, setAdded] = useState(0);
  const [, tick] = useState(0);
  useRegularly(() => tick((turn) => turn + 1), TICK_MS);
  useEffect(() => {
    setRows(list.data?.data.logs ?? []);
    setFresh(new Set());
    setAdded(0);
  }, [list.data]);

  const follows = page === 0 && !filters["end_date"];
  const live = useLive({
    enabled: list.data !== undefined,
    from: () => list.data?.data.logs[0]?.id ?? 0,
    watched: () => rows.filter((row) => UNSETTLED.has(row.status)).map((row) => row.id),
    changed: (changes) => {
      const merged = merge(rows, follows ? changes : [], changes, chosen);
      if (!merged) return;
      setRows(merged.rows.slice(0, PAGE));
      if (merged.added.length) {
        setFresh(new Set([...fresh, ...merged.added]));
        setAdded((before) => before + merged.added.length);
      }
    },
  });
  const total = (list.data?.data.total ?? 0) + added;
  const set = (changes: Filters) =>
    goTo("notifications", "", { ...place.query, page: "", ...changes });

  return (
    <ListWithPane
      pane={
        place.id && (
          <NotificationLife
            key={place.id}
            id={place.id}
            close={() => goTo("notifications", "", place.query)}
            changed={list.reload}
          />
        )
      }
    >
      <section aria-labelledby="notifications-title">
        <div class="title-row">
          <h1 id="notifications-title">{t("Notifications")}</h1>
          <span class="live" data-state={live} role="status">
            {t(LIVE_TITLES[live])}
          </span>
        </div>
        <FilterBar query={place.query} set={set} />
        {list.error !== undefined && <Problem error={list.error} again={list.reload} />}
        {!list.data && list.busy && <Waiting />}
        {list.data && rows.length === 0 && <Nothing>{t("No notification matches these filters.")}</Nothing>}
        {rows.length > 0 && <NotificationTable rows={rows} fresh={fresh} open={place.id} query={place.query} />}
        {list.data && (
          <Pages
            page={page}
            size={PAGE}
            shown={rows.length}
            total={total}
            capped={list.data.data.total_capped === true}
            more={list.data.pagination.hasMore}
            go={(next) => set({ page: String(next) })}
            back="Newer"
            on="Older"
          >
            {list.data.data.searched_from && (
              <span class="hint">{t("Older ones were not searched: narrow the filters, or set an end.")}</span>
            )}
          </Pages>
        )}
      </section>
    </ListWithPane>
  );
}

/** Rows with changes put in, or undefined where nothing changed. */
function merge(
  rows: NotificationBrief[],
  candidates: NotificationBrief[],
  changes: NotificationBrief[],
  filters: Filters,
): { rows: NotificationBrief[]; added: number[] } | undefined {
  const known = new Map(rows.map((row) => [row.id, row]));
  const oldest = rows.at(-1)?.id ?? 0;
  const added = candidates.filter((row) => !known.has(row.id) && row.id > oldest && matches(row, filters));
  const changed = changes.filter((row) => {
    const before = known.get(row.id);
    return before !== undefined && before.updated_at !== row.updated_at;
  });
  if (!added.length && !changed.length) return undefined;
  for (const row of [...added, ...changed]) known.set(row.id, row);
  return {
    rows: [...known.values()].sort((a, b) => b.id - a.id),
    added: added.map((row) => row.id),
  };
}

function matches(row: NotificationBrief, filters: Filters): boolean {
  const status = filters["status"] === "retry" ? "retry_scheduled" : filters["status"];
  const start = filters["start_date"];
  return (
    (!filters["user_id"] || row.user_id === filters["user_id"]) &&
    (!filters["channel"] || row.channel_type === filters["channel"]) &&
    (!status || row.status === status) &&
    (!filters["template_key"] || row.template_key === filters["template_key"]) &&
    (!filters["message_id"] || row.message_id === filters["message_id"]) &&
    (!filters["request_id"] || row.request_id === filters["request_id"]) &&
    (!start || row.created_at >= start)
  );
}

function FilterBar({ query, set }: { query: Filters; set: (changes: Filters) => void }) {
  const search = useRef<HTMLInputElement>(null);
  const any = Object.entries(query).some(([name, value]) => name !== "page" && value);
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        set({ search: search.current?.value.trim() ?? "" });
      }}
    >
      <div class="search">
        <Icon name="search" />
        <input
          key={query["search"]}
          ref={search}
          type="search"
          defaultValue={query["search"]}
          aria-label={t("Search by user, message id or request id")}
          placeholder={t("User, message id or request id")}
        />
      </div>
      <select
        aria-label={t("Channel")}
        value={query["channel"] ?? ""}
        onChange={(event) => set({ channel: event.currentTarget.value })}
      >
        <option value="">{t("All channels")}</option>
        {CHANNELS.map((channel) => (
          <option key={channel} value={channel}>
            {CHANNEL_TITLES[channel]}
          </option>
        ))}
      </select>
      <select
        aria-label={t("Status")}
        value={query["status"] ?? ""}
        onChange={(event) => set({ status: event.currentTarget.value })}
      >
        <option value="">{t("All statuses")}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {statusTitle(status)}
          </option>
        ))}
      </select>
      <input
        type="text"
        class="short"
        aria-label={t("Template")}
        placeholder={t("Template")}
        key={`template-${query["template_key"]}`}
        defaultValue={query["template_key"]}
        onChange={(event) => set({ template_key: event.currentTarget.value.trim() })}
      />
      <label class="inline">
        {t("From")}
        <input
          type="date"
          value={query["start_date"] ?? ""}
          onChange={(event) => set({ start_date: event.currentTarget.value })}
        />
      </label>
      <label class="inline">
        {t("To")}
        <input
          type="date"
          value={query["end_date"] ?? ""}
          onChange={(event) => set({ end_date: event.currentTarget.value })}
        />
      </label>
      <button type="submit" class="unseen">
        {t("Search")}
      </button>
      {any && (
        <button type="button" class="quiet" onClick={() => goTo("notifications")}>
          {t("Clear filters")}
        </button>
      )}
    </form>
  );
}

interface TableProps {
  rows: NotificationBrief[];
  fresh: ReadonlySet<number>;
  open: string;
  query: Filters;
}

function NotificationTable({ rows, fresh, open, query }: TableProps) {
  return (
    <Table
      label={t("Notifications")}
      columns={[t("Accepted"), t("User"), t("Channel"), t("Subject"), t("Status")]}
    >
      {rows.map((row) => (
        <tr
          key={row.id}
          class={fresh.has(row.id) ? "fresh" : ""}
          aria-selected={String(row.id) === open ? true : undefined}
          data-id={row.id}
          onClick={(event) => {
            // The link does it as well, by the keyboard; marked text stays marked.
            if (!(event.target as Element).closest("a") && !getSelection()?.toString()) {
              goTo("notifications", String(row.id), query);
            }
          }}
        >
          <td>
            <a href={linkTo("notifications", String(row.id), query)}>
              <Moment at={row.created_at} />
            </a>
          </td>
          <td class="user">{row.user_id}</td>
          <td>
            <ChannelLabel channel={row.channel_type} />
          </td>
          <td class="subject">
            {row.subject || <span class="hint">{t("no subject")}</span>}
            {row.template_key && <code class="template">{row.template_key}</code>}
          </td>
          <td>
            <StatusBadge status={row.status} />
            {row.error && row.status !== "sent" && (
              <span class="row-error" title={row.error}>
                {row.last_error_code ?? row.error}
                {row.retry_count > 0 && ` · ${t("retry {number}", { number: row.retry_count })}`}
              </span>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}
