/** Templates: the list, and the editor with a live preview of every channel side by side. */

import { useState } from "preact/hooks";

import { call, type Schemas } from "../api/client";
import { useLoaded } from "../api/loading";
import { t } from "../language";
import { goTo, linkTo, usePlace } from "../route";
import { confirmed } from "../ui/confirm";
import { Icon } from "../ui/icons";
import { Pages, pageOf } from "../ui/pages";
import { CHANNELS, ChannelLabel, Moment, Nothing, Problem, Waiting } from "../ui/parts";
import { actions, Table } from "../ui/table";
import { toast, toastError } from "../ui/toast";
import { TemplateEditor, type Draft } from "./template-editor";

const PAGE = 100;

type Template = Schemas["Template"];

export function Templates() {
  const { id } = usePlace();
  return id ? <OpenTemplate key={id} id={id} /> : <TemplateList />;
}

function TemplateList() {
  const [inactive, setInactive] = useState(false);
  const page = pageOf(usePlace().query);
  const list = useLoaded(
    (signal) =>
      call("get", "/api/templates", {
        query: { limit: PAGE, offset: page * PAGE, ...(inactive ? { include_inactive: "true" as const } : {}) },
        signal,
        quiet: true,
      }),
    [inactive, page],
  );
  const rows = (list.data?.data ?? []) as Template[];
  const paging = list.data && "pagination" in list.data ? list.data.pagination : undefined;
  const showInactive = (shown: boolean) => {
    setInactive(shown);
    goTo("templates");
  };
  const remove = async (template: Template) => {
    const agreed = await confirmed({
      title: t("Switch this template off?"),
      text: t("Sends that name {key} will be refused. Its texts stay, and saving it switches it on again.", {
        key: template.template_key,
      }),
      action: t("Switch off"),
    });
    if (!agreed) return;
    try {
      await call("delete", "/api/templates/{key}", { parameters: { key: template.template_key } });
      toast(t("Switched off."));
      list.reload();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <section aria-labelledby="templates-title">
      <div class="title-row">
        <h1 id="templates-title">{t("Templates")}</h1>
        <span class="spacer" />
        <label class="check">
          <input type="checkbox" checked={inactive} onChange={(event) => showInactive(event.currentTarget.checked)} />{" "}
          {t("Show those that are off")}
        </label>
        <a class="button primary" href={linkTo("templates", "new")}>
          <Icon name="plus" /> {t("New template")}
        </a>
      </div>
      {list.error !== undefined && <Problem error={list.error} again={list.reload} />}
      {!list.data && list.busy && <Waiting />}
      {list.data && !rows.length && <Nothing>{t("No template yet.")}</Nothing>}
      {rows.length > 0 && (
        <Table
          label={t("Templates")}
          columns={[t("Key"), t("Name"), t("Variables"), t("Channels"), t("Changed"), actions()]}
        >
          {rows.map((row) => (
            <tr key={row.template_key}>
              <td>
                <a href={linkTo("templates", row.template_key)}>{row.template_key}</a>{" "}
                {!row.is_active && <span class="badge">{t("off")}</span>}
              </td>
              <td class="subject">
                {row.template_name}
                {row.description && <p class="hint">{row.description}</p>}
              </td>
              <td class="subject">
                <code>{row.variables.join(", ")}</code>
              </td>
              <td class="stacked">
                {row.supported_channels?.map((channel) => <ChannelLabel key={channel} channel={channel} />)}
              </td>
              <td>
                <Moment at={row.updated_at} />
              </td>
              <td class="row-actions">
                {row.is_active && (
                  <button
                    type="button"
                    class="danger quiet"
                    aria-label={t("Switch off {key}", { key: row.template_key })}
                    onClick={() => void remove(row)}
                  >
                    {t("Switch off")}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {paging && (rows.length > 0 || page > 0) && (
        <Pages
          page={page}
          size={PAGE}
          shown={rows.length}
          total={paging.total}
          capped={paging.total_capped === true}
          more={paging.hasMore}
          go={(next) => goTo("templates", "", { page: String(next) })}
        />
      )}
    </section>
  );
}

const EMPTY: Draft = {
  key: "",
  name: "",
  description: "",
  variables: [],
  contents: {
    webhook: { content_type: "text", subject_template: "", content_template: "Hello {{name}}" },
  },
};

function OpenTemplate({ id }: { id: string }) {
  const loaded = useLoaded(
    async (signal) => {
      if (id === "new") return EMPTY;
      const { data } = await call("get", "/api/templates/{key}", { parameters: { key: id }, signal, quiet: true });
      return draftOf(data);
    },
    [id],
  );
  return (
    <section aria-labelledby="template-title">
      <div class="title-row">
        <a class="button quiet" href={linkTo("templates")} aria-label={t("All templates")}>
          <Icon name="back" />
        </a>
        <h1 id="template-title">{id === "new" ? t("New template") : id}</h1>
        <span class="spacer" />
        {id !== "new" && (
          <a class="button" href={linkTo("send", "", { template: id })}>
            <Icon name="send" /> {t("Send it …")}
          </a>
        )}
      </div>
      {loaded.error !== undefined && <Problem error={loaded.error} again={loaded.reload} />}
      {!loaded.data && loaded.busy && <Waiting />}
      {loaded.data && (
        <TemplateEditor
          draft={loaded.data}
          isNew={id === "new"}
          saved={(key) => {
            toast(t("Saved."));
            if (key !== id) goTo("templates", key);
          }}
        />
      )}
    </section>
  );
}

function draftOf(template: Schemas["TemplateWithContents"]): Draft {
  const known = new Set<string>(CHANNELS);
  return {
    key: template.template_key,
    name: template.template_name,
    description: template.description ?? "",
    variables: template.variables,
    contents: Object.fromEntries(
      template.contents
        .filter((one) => known.has(one.channel_type))
        .map((one) => [
          one.channel_type,
          {
            content_type: one.content_type,
            subject_template: one.subject_template ?? "",
            content_template: one.content_template,
          },
        ]),
    ),
  };
}
