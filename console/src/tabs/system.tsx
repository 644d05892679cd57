/** Health, scheduled tasks, versions and their traffic, and the database. */

import { call, type Answer } from "../api/client";
import { useLoaded, useRegularly } from "../api/loading";
import { formatDuration, formatNumber, formatTime, t } from "../language";
import { confirmed } from "../ui/confirm";
import { healthTitle, Moment, Nothing, Problem, Waiting } from "../ui/parts";
import { actions, numbers, Table } from "../ui/table";
import { toast, toastError } from "../ui/toast";

type Health = Answer<"/health", "get">;
type Act = (work: () => Promise<string>) => Promise<void>;
const EVERY_MS = 15_000;
const HEALTH_BADGES: Record<string, string> = { healthy: "good", degraded: "wait" };

export function System() {
  const health = useLoaded(async (signal) => {
    const answer = await fetch("/health", { cache: "no-store", signal });
    return (await answer.json()) as Health;
  }, []);
  const tasks = useLoaded((signal) => call("get", "/health/scheduled-tasks", { signal, quiet: true }), []);
  const deployment = useLoaded((signal) => call("get", "/api/deployment", { signal, quiet: true }), []);
  const versions = useLoaded((signal) => call("get", "/api/deployment/versions", { signal, quiet: true }), []);
  const schema = useLoaded((signal) => call("get", "/api/db/schema", { signal, quiet: true }), []);
  const records = useLoaded(
    (signal) => call("get", "/api/task-execution-records", { query: { limit: 8 }, signal, quiet: true }),
    [],
  );
  const reload = () => [health, tasks, deployment, versions, schema, records].forEach((one) => one.reload());
  useRegularly(reload, EVERY_MS);
  const act: Act = async (work) => {
    try {
      toast(await work());
    } catch (error) {
      toastError(error);
    }
    reload();
  };
  return (
    <>
      <h1>{t("System")}</h1>
      <div class="grid">
        <HealthCard health={health.data} error={health.error} again={reload} />
        <section class="card" aria-labelledby="release-title">
          <h2 id="release-title">{t("Release")}</h2>
          {deployment.error !== undefined && <Problem error={deployment.error} again={reload} />}
          {deployment.data && (
            <dl class="facts">
              <dt>{t("Worker")}</dt>
              <dd>{deployment.data.data.worker}</dd>
              <dt>{t("Version")}</dt>
              <dd>
                <code>{deployment.data.data.versionId}</code>
              </dd>
              <dt>{t("Bundle")}</dt>
              <dd>
                <code>{deployment.data.data.tag.slice(0, 12)}</code>
              </dd>
              <dt>{t("Schema level")}</dt>
              <dd>{deployment.data.data.schemaLevel}</dd>
              <dt>{t("Secrets")}</dt>
              <dd>
                {deployment.data.data.changedSecrets.length ? (
                  <span class="error">
                    {t("Not those of the release: {names}", { names: deployment.data.data.changedSecrets.join(", ") })}
                  </span>
                ) : (
                  t("All as in the release")
                )}
              </dd>
            </dl>
          )}
          <h3>{t("Attempts of the last hour by version")}</h3>
          {versions.error !== undefined && <Problem error={versions.error} again={reload} />}
          {versions.data && <Versions versions={versions.data.data.versions} />}
        </section>
        <DatabaseCard schema={schema.data} error={schema.error} act={act} again={reload} />
      </div>
      <TaskTable tasks={tasks.data} error={tasks.error} act={act} again={reload} />
      <section aria-labelledby="records-title">
        <h2 id="records-title">{t("Latest runs")}</h2>
        {records.error !== undefined && <Problem error={records.error} again={reload} />}
        {records.data?.data.records.length === 0 && <Nothing>{t("No task has run yet.")}</Nothing>}
        {records.data && records.data.data.records.length > 0 && (
          <Table
            label={t("Latest runs")}
            columns={[t("Started"), t("Task"), t("Status"), numbers(t("Duration")), t("Result")]}
          >
            {records.data.data.records.map((record) => (
              <tr key={record.id}>
                <td>
                  <time dateTime={record.execution_time}>{formatTime(record.execution_time)}</time>
                </td>
                <td>{record.task_name}</td>
                <td>
                  <span class="badge" data-status={record.status}>
                    {record.status === "completed" ? t("completed") : t("failed")}
                  </span>
                </td>
                <td class="number nowrap">{record.duration_ms === null ? "" : formatDuration(record.duration_ms)}</td>
                <td class="one-line" title={record.error ?? ""}>
                  <code>{record.error}</code>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </section>
      <section aria-labelledby="clean-up-title">
        <h2 id="clean-up-title">{t("Delete old notifications")}</h2>
        <CleanUp act={act} />
      </section>
    </>
  );
}

function HealthCard({ health, error, again }: { health: Health | undefined; error: unknown; again: () => void }) {
  const parts = [
    [t("Database"), health?.database],
    [t("Cache"), health?.cache],
    [t("Queues"), health?.queues],
  ] as const;
  return (
    <section class="card" aria-labelledby="health-title">
      <h2 id="health-title">{t("Health")}</h2>
      {error !== undefined && <Problem error={error} again={again} />}
      {!health && error === undefined && <Waiting />}
      {health && (
        <>
          <dl class="facts">
            <dt>{t("Status")}</dt>
            <dd>
              <span class="badge" data-status={HEALTH_BADGES[health.status] ?? "bad"}>
                {healthTitle(health.status)}
              </span>
            </dd>
            <dt>{t("Environment")}</dt>
            <dd>{health.environment}</dd>
            <dt>{t("Service version")}</dt>
            <dd>{health.version}</dd>
            {parts.map(([name, state]) => (
              <>
                <dt>{name}</dt>
                <dd>
                  <span class="badge" data-status={state === "connected" ? "good" : "bad"}>
                    {state === "connected" ? t("connected") : state === "not_bound" ? t("not bound") : t("disconnected")}
                  </span>
                </dd>
              </>
            ))}
          </dl>
          {health.errors?.map((one) => (
            <p key={one.code} class="error">
              <code>{one.code}</code> {one.message}
            </p>
          ))}
        </>
      )}
    </section>
  );
}

type VersionRow = Answer<"/api/deployment/versions", "get">["data"]["versions"][number];

function Versions({ versions }: { versions: VersionRow[] }) {
  const all = versions.reduce((sum, one) => sum + one.attempts, 0);
  if (!all) return <Nothing>{t("No attempt in this time.")}</Nothing>;
  return (
    <ul class="shares">
      {versions.map((one) => (
        <li key={one.version}>
          <p>
            <code>{one.version}</code>
            {one.running && <span class="badge" data-status="good">{t("answers this page")}</span>}
            <span class="spacer" />
            {t("{share} % of {count} attempts, {rate} % accepted", {
              share: formatNumber((100 * one.attempts) / all, 1),
              count: formatNumber(all),
              rate: formatNumber((100 * one.accepted) / one.attempts, 1),
            })}
          </p>
          <meter min={0} max={all} value={one.attempts} aria-label={one.version} />
        </li>
      ))}
    </ul>
  );
}

interface TasksProps {
  tasks: Answer<"/health/scheduled-tasks", "get"> | undefined;
  error: unknown;
  act: Act;
  again: () => void;
}

interface TaskHealth {
  lastRun?: string;
  nextRun?: string;
  lastStatus?: string;
  lastDuration?: number | null;
  successRate?: number;
  isRunning?: boolean;
  overdue?: boolean;
}

function TaskTable({ tasks, error, act, again }: TasksProps) {
  const run = (name: string) =>
    act(async () => {
      await call("post", "/api/scheduled-tasks/trigger", { body: { taskName: name as never } });
      return t("{task} ran.", { task: name });
    });
  return (
    <section aria-labelledby="tasks-title">
      <h2 id="tasks-title">{t("Scheduled tasks")}</h2>
      {error !== undefined && <Problem error={error} again={again} />}
      {tasks && (
        <Table
          label={t("Scheduled tasks")}
          columns={[
            t("Task"),
            t("Last run"),
            t("Next run"),
            t("Status"),
            numbers(t("Success")),
            numbers(t("Duration")),
            actions(),
          ]}
        >
          {Object.entries(tasks.tasks as unknown as Record<string, TaskHealth>).map(([name, task]) => (
            <tr key={name}>
              <td class="user">{name}</td>
              <td data-label={t("Last run")}>{task.lastRun ? <Moment at={task.lastRun} /> : t("never")}</td>
              <td data-label={t("Next run")}>{task.nextRun ? <Moment at={task.nextRun} /> : "–"}</td>
              <td>
                {task.lastStatus && (
                  <span class="badge" data-status={task.lastStatus}>
                    {task.lastStatus === "completed" ? t("completed") : t("failed")}
                  </span>
                )}{" "}
                {task.isRunning && <span class="badge" data-status="wait">{t("running")}</span>}
                {task.overdue && <span class="badge" data-status="bad">{t("overdue")}</span>}
              </td>
              <td class="number" data-label={t("Success")}>{task.successRate === undefined ? "" : `${task.successRate} %`}</td>
              <td class="number" data-label={t("Duration")}>{task.lastDuration == null ? "" : formatDuration(task.lastDuration)}</td>
              <td class="row-actions">
                <button type="button" class="quiet" aria-label={t("Run now: {task}", { task: name })} onClick={() => void run(name)}>
                  {t("Run now")}
                </button>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

interface DatabaseProps {
  schema: Answer<"/api/db/schema", "get"> | undefined;
  error: unknown;
  act: Act;
  again: () => void;
}

function DatabaseCard({ schema, error, act, again }: DatabaseProps) {
  const found = schema?.data;
  const migrate = async () => {
    const agreed = await confirmed({
      title: t("Apply pending migrations?"),
      text: t("They change the schema of this environment's database. In production the deployment applies them."),
      action: t("Apply"),
    });
    if (!agreed) return;
    await act(async () => {
      const { data } = await call("post", "/api/db/migrate", { body: {} });
      return t("{count} migrations applied.", { count: data.migrationsRun.length });
    });
  };
  return (
    <section class="card" aria-labelledby="database-title">
      <h2 id="database-title">{t("Database")}</h2>
      {error !== undefined && <Problem error={error} again={again} />}
      {found && (
        <>
          <dl class="facts">
            <dt>{t("Schema")}</dt>
            <dd>
              <span class="badge" data-status={found.isValid ? "good" : "bad"}>
                {found.isValid ? t("complete") : t("incomplete")}
              </span>
            </dd>
            <dt>{t("Newest migration")}</dt>
            <dd>
              <code>{found.schemaVersion?.replace(/\.sql$/, "") ?? "–"}</code>
            </dd>
            <dt>{t("Tables")}</dt>
            <dd>{found.tables.length}</dd>
            {found.missingTables.length > 0 && (
              <>
                <dt>{t("Missing")}</dt>
                <dd class="error">{found.missingTables.join(", ")}</dd>
              </>
            )}
            <dt>{t("Pending migrations")}</dt>
            <dd>{found.pendingMigrations.join(", ") || t("none")}</dd>
          </dl>
          {found.pendingMigrations.length > 0 && (
            <div class="actions">
              <button type="button" onClick={() => void migrate()}>
                {t("Apply …")}
              </button>
            </div>
          )}
        </>
      )}
    </section>
  );
}

function CleanUp({ act }: { act: Act }) {
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const days = Number(data.get("days"));
    if (!Number.isInteger(days) || days < 1 || days > 365) {
      toast(t("Days must be a whole number from 1 to 365."), "bad");
      return;
    }
    const agreed = await confirmed({
      title: t("Delete old notifications?"),
      text: t("Every settled notification older than {days} days is deleted for good.", { days }),
      action: t("Delete"),
    });
    if (!agreed) return;
    await act(async () => {
      const answer = await call("delete", "/api/notification-logs/cleanup", { query: { days } });
      return t("{count} deleted.", { count: answer.data.deleted_count });
    });
  }
  return (
    <form class="filters" onSubmit={submit}>
      <label class="inline">
        {t("Delete settled notifications older than")}
        <input name="days" type="number" min={1} max={365} defaultValue="30" class="short" />
        {t("days")}
      </label>
      <button type="submit">{t("Delete …")}</button>
    </form>
  );
}
