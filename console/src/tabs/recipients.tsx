/** Users and the channels that reach them. */

import { useRef, useState } from "preact/hooks";

import { call, type Schemas } from "../api/client";
import { useLoaded } from "../api/loading";
import { t } from "../language";
import { goTo, usePlace } from "../route";
import { confirmed } from "../ui/confirm";
import { Icon } from "../ui/icons";
import { ListWithPane, Pane, useReturn } from "../ui/pane";
import { Pages, pageOf } from "../ui/pages";
import { CHANNELS, CHANNEL_TITLES, ChannelLabel, Field, Moment, Nothing, Problem, Waiting } from "../ui/parts";
import { actions, Table } from "../ui/table";
import { describeError, toast, toastError } from "../ui/toast";
import { ConfigurationForm, emptyOf, fieldOf, readConfiguration, type Problems, type Values } from "./configuration-form";
import { parseObject } from "./variables";

const PAGE = 100;

type Configuration = Schemas["Configuration"];

export function Recipients() {
  const place = usePlace();
  const search = place.query["user"] ?? "";
  const page = pageOf(place.query);
  const [editing, setEditing] = useState<Partial<Configuration> | undefined>();
  const list = useLoaded(
    (signal) =>
      call("get", "/api/user-configs", {
        query: { ...(search ? { user_id: search } : {}), limit: PAGE, offset: page * PAGE, mask: "true" },
        signal,
        quiet: true,
      }),
    [search, page],
  );
  // One user's channels stand together.
  const rows = [...(list.data?.data ?? [])].sort((one, other) => one.user_id.localeCompare(other.user_id));
  // Of one user there are no more than a page holds: what is asked for by name isn't counted.
  const counted = list.data?.meta;
  const toggle = async (row: Configuration) => {
    try {
      const body = { user_id: row.user_id, channel_type: row.channel_type, is_active: !row.is_active };
      await call("post", "/api/user-configs", { body });
      list.reload();
    } catch (error) {
      toastError(error);
    }
  };
  const remove = async (row: Configuration) => {
    const agreed = await confirmed({
      title: t("Delete this configuration?"),
      text: t("{user} will no longer be reached over {channel}.", {
        user: row.user_id,
        channel: CHANNEL_TITLES[row.channel_type] ?? row.channel_type,
      }),
      action: t("Delete"),
    });
    if (!agreed) return;
    try {
      await call("delete", "/api/user-configs", {
        query: { user_id: row.user_id, channel_type: row.channel_type },
      });
      toast(t("Deleted."));
      list.reload();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <ListWithPane
      pane={
        editing && (
          <Editor
            key={`${editing.user_id}/${editing.channel_type}`}
            configuration={editing}
            close={() => setEditing(undefined)}
            saved={() => {
              setEditing(undefined);
              list.reload();
            }}
          />
        )
      }
    >
      <section aria-labelledby="recipients-title">
        <div class="title-row">
          <h1 id="recipients-title">{t("Users and channels")}</h1>
          <span class="spacer" />
          <button type="button" class="primary" onClick={() => setEditing({ user_id: search })}>
            <Icon name="plus" /> {t("New configuration")}
          </button>
        </div>
        <form
          class="filters"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            const data = new FormData(event.currentTarget);
            goTo("recipients", "", { user: String(data.get("user")).trim() });
          }}
        >
          <div class="search">
            <Icon name="search" />
            <input type="search" name="user" key={search} defaultValue={search} aria-label={t("User")} placeholder={t("User; empty shows all")} />
          </div>
          <button type="submit">{t("Search")}</button>
          {search && <PersonActions user={search} changed={list.reload} />}
        </form>
        {list.error !== undefined && <Problem error={list.error} again={list.reload} />}
        {!list.data && list.busy && <Waiting />}
        {list.data && !rows.length && <Nothing>{t("No configuration here yet.")}</Nothing>}
        {rows.length > 0 && (
          <Table
            label={t("Users and channels")}
            columns={[
              t("User"),
              t("Channel"),
              t("Configuration"),
              t("Active"),
              { title: t("Changed"), class: "optional" },
              actions(),
            ]}
          >
            {rows.map((row) => (
              <tr key={row.id}>
                <td class="user">{row.user_id}</td>
                <td>
                  <ChannelLabel channel={row.channel_type} />
                </td>
                <td class="config">
                  {row.config_data ? (
                    Object.entries(row.config_data).map(([name, value]) => (
                      <code key={name}>
                        {name}: {typeof value === "string" ? value : JSON.stringify(value)}
                      </code>
                    ))
                  ) : (
                    <span class="error">{t("The stored configuration can't be read.")}</span>
                  )}
                </td>
                <td>
                  <input
                    type="checkbox"
                    role="switch"
                    checked={row.is_active}
                    aria-label={t("{channel} of {user} is active", { channel: row.channel_type, user: row.user_id })}
                    onChange={() => void toggle(row)}
                  />
                </td>
                <td class="optional">
                  <Moment at={row.updated_at} />
                </td>
                <td class="row-actions">
                  <button type="button" class="quiet" onClick={() => setEditing(row)}>
                    {t("Edit")}
                  </button>
                  <button type="button" class="danger quiet" onClick={() => void remove(row)}>
                    {t("Delete")}
                  </button>
                </td>
              </tr>
            ))}
          </Table>
        )}
        {counted && (rows.length > 0 || page > 0) && (
          <Pages
            page={page}
            size={PAGE}
            shown={rows.length}
            total={counted.total}
            capped={counted.total_capped === true}
            more={counted.total_capped ? rows.length === PAGE : page * PAGE + rows.length < counted.total}
            go={(next) => goTo("recipients", "", { page: String(next) })}
          />
        )}
      </section>
    </ListWithPane>
  );
}

/** What a person may ask of their data: a copy, and its deletion. */
function PersonActions({ user, changed }: { user: string; changed: () => void }) {
  const copy = async () => {
    try {
      const found = await call("get", "/api/users/{user_id}/export", { parameters: { user_id: user } });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([JSON.stringify(found, null, 2)], { type: "application/json" }));
      link.download = "person.json";
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      toastError(error);
    }
  };
  const erase = async () => {
    const agreed = await confirmed({
      title: t("Erase everything about {user}?", { user }),
      text: t("Configurations, notifications and idempotency keys of this user are deleted for good."),
      action: t("Erase"),
    });
    if (!agreed) return;
    try {
      await call("delete", "/api/users/{user_id}", { parameters: { user_id: user } });
      toast(t("Erased."));
      changed();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <>
      <button type="button" class="quiet" onClick={() => void copy()}>
        {t("Export all data")}
      </button>
      <button type="button" class="danger quiet" onClick={() => void erase()}>
        {t("Erase …")}
      </button>
    </>
  );
}

interface EditorProps {
  configuration: Partial<Configuration>;
  close: () => void;
  saved: () => void;
}

type View = "form" | "json";

function Editor({ configuration, close, saved }: EditorProps) {
  const isNew = configuration.id === undefined;
  const [channel, setChannel] = useState<string>(configuration.channel_type ?? "webhook");
  const [view, setView] = useState<View>("form");
  const [values, setValues] = useState<Values>(configuration.config_data ?? {});
  const [problems, setProblems] = useState<Problems>({});
  const [refusal, setRefusal] = useState("");
  const form = useRef<HTMLDivElement>(null);
  const giveBack = useReturn();

  /** What the view that is open says; undefined where it says nothing that can be kept. */
  function read(): { user: string; active: boolean; values: Values | undefined; problems: Problems } {
    const data = new FormData(form.current?.closest("form") ?? undefined);
    const common = {
      user: String(data.get("config_user") ?? "").trim(),
      active: data.get("is_active") !== null,
    };
    if (view === "form") return { ...common, ...readConfiguration(channel, data, values) };
    const parsed = parseObject(String(data.get("config_data")));
    return { ...common, values: parsed, problems: parsed ? {} : { config_data: t("This isn't a JSON object.") } };
  }

  function show(next: View) {
    const found = read();
    // A number that is none yet is shown as it was typed; broken JSON has no fields.
    if (next === "form" && !found.values) {
      setProblems(found.problems);
      return;
    }
    setProblems({});
    setValues(found.values ?? {});
    setView(next);
  }

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const found = read();
    const mistakes = { ...found.problems, ...(found.user ? {} : { config_user: t("Enter a user id.") }) };
    setRefusal("");
    setProblems(mistakes);
    if (Object.keys(mistakes).length || !found.values) {
      focus(Object.keys(mistakes));
      return;
    }
    try {
      await call("post", "/api/user-configs", {
        body: {
          user_id: found.user,
          channel_type: channel as Configuration["channel_type"],
          // Which one's it is, the channel says.
          config_data: found.values as Schemas["WebhookConfiguration"],
          is_active: found.active,
        },
      });
      toast(t("Saved."));
      saved();
      giveBack();
    } catch (error) {
      const told = describeError(error);
      const field = view === "form" ? fieldOf(channel, told) : undefined;
      if (field === undefined) setRefusal(told);
      else {
        setProblems({ [field]: told });
        focus([field]);
      }
    }
  }

  /** Lead to the first control with a mistake, once the mistakes are drawn. */
  function focus(ids: string[]) {
    requestAnimationFrame(() => {
      const wrong = (id: string) => ids.some((one) => id === one || id === `field-${one}`);
      const controls = form.current?.closest("form")?.querySelectorAll<HTMLElement>("input, select, textarea");
      [...(controls ?? [])].find((one) => wrong(one.id))?.focus();
    });
  }

  const channels = [...new Set<string>([...CHANNELS, channel])];
  return (
    <Pane title={isNew ? t("New configuration") : t("Edit configuration")} close={close} submit={(event) => void submit(event)}>
      <Field id="config_user" label={t("User")} error={problems["config_user"]}>
        <input
          id="config_user"
          name="config_user"
          defaultValue={configuration.user_id}
          readOnly={!isNew}
          maxLength={100}
          autocomplete="off"
          aria-invalid={problems["config_user"] !== undefined}
          aria-describedby={problems["config_user"] && "config_user-error"}
        />
      </Field>
      <Field id="config_channel" label={t("Channel")}>
        <select
          id="config_channel"
          value={channel}
          disabled={!isNew}
          onChange={(event) => {
            setChannel(event.currentTarget.value);
            setValues({});
            setProblems({});
          }}
        >
          {channels.map((one) => (
            <option key={one} value={one}>
              {CHANNEL_TITLES[one] ?? one}
            </option>
          ))}
        </select>
      </Field>
      <fieldset class="switch" aria-label={t("Configuration")}>
        {(["form", "json"] as const).map((one) => (
          <label key={one}>
            <input type="radio" name="view" value={one} checked={view === one} onChange={() => show(one)} />
            <span>{one === "form" ? t("Form") : "JSON"}</span>
          </label>
        ))}
      </fieldset>
      {isNew && <p class="hint lead">{t("Secrets are encrypted before they are stored.")}</p>}
      <div ref={form} key={`${channel} ${view}`}>
        {view === "form" ? (
          <ConfigurationForm channel={channel} values={values} problems={problems} />
        ) : (
          <Field
            id="config_data"
            label={t("Configuration (JSON)")}
            error={problems["config_data"]}
            hint={t("A masked value that is sent back keeps what is stored.")}
          >
            <textarea
              id="config_data"
              name="config_data"
              class="mono"
              rows={9}
              spellcheck={false}
              aria-describedby={problems["config_data"] ? "config_data-hint config_data-error" : "config_data-hint"}
              aria-invalid={problems["config_data"] !== undefined}
              defaultValue={JSON.stringify(Object.keys(values).length ? values : emptyOf(channel), null, 2)}
            />
          </Field>
        )}
      </div>
      <p class="field">
        <label class="check">
          <input type="checkbox" name="is_active" defaultChecked={configuration.is_active ?? true} /> {t("Active")}
        </label>
      </p>
      {refusal && (
        <p class="error" role="alert">
          {refusal}
        </p>
      )}
      <button type="submit" class="primary">
        {t("Save")}
      </button>
    </Pane>
  );
}
