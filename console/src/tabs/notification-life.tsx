/** One notification from acceptance to its end, and what an operator may do about it. */

import { call, serviceNow, type Schemas } from "../api/client";
import { useLive } from "../api/live";
import { useLoaded } from "../api/loading";
import { Drawing } from "../drawings/drawing";
import { formatDistance, formatDuration, formatTime, t } from "../language";
import { confirmed } from "../ui/confirm";
import { Pane } from "../ui/pane";
import { ChannelLabel, Copyable, Json, Problem, StatusBadge, Waiting } from "../ui/parts";
import { toast, toastError } from "../ui/toast";

type Notification = Schemas["Notification"];

interface LifeProps {
  id: string;
  close: () => void;
  changed: () => void;
}

export function NotificationLife({ id, close, changed }: LifeProps) {
  const loaded = useLoaded(
    async (signal) => {
      const answer = await call("get", "/api/notification-logs/{id}", {
        parameters: { id },
        signal,
        quiet: true,
      });
      return answer.data;
    },
    [id],
  );
  const notification = loaded.data;
  useLive({
    enabled: notification !== undefined,
    from: () => Number(id),
    watched: () => [Number(id)],
    changed: (rows) => {
      const row = rows.find((one) => one.id === Number(id));
      if (row && row.updated_at !== notification?.updated_at) loaded.reload();
    },
  });
  const act = async (work: () => Promise<string>) => {
    try {
      toast(await work());
      loaded.reload();
      changed();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <Pane title={t("Notification")} badge={notification && <StatusBadge status={notification.status} />} close={close}>
      {loaded.error !== undefined && <Problem error={loaded.error} again={loaded.reload} />}
      {!notification && loaded.busy && <Waiting />}
      {notification && (
        <>
          <dl class="facts">
            <dt>{t("User")}</dt>
            <dd>{notification.user_id}</dd>
            <dt>{t("Channel")}</dt>
            <dd>
              <ChannelLabel channel={notification.channel_type} />
            </dd>
            {notification.template_key && (
              <>
                <dt>{t("Template")}</dt>
                <dd>
                  <code>{notification.template_key}</code>
                </dd>
              </>
            )}
            <dt>{t("Message id")}</dt>
            <dd>
              <Copyable text={notification.message_id} label={t("Message id")} />
            </dd>
            {notification.request_id && (
              <>
                <dt>{t("Request id")}</dt>
                <dd>
                  <Copyable text={notification.request_id} label={t("Request id")} />
                </dd>
              </>
            )}
          </dl>
          <Actions notification={notification} act={act} close={close} changed={changed} />
          <h3>{t("Timeline")}</h3>
          <Timeline notification={notification} />
          <h3>{t("Message")}</h3>
          <Drawing
            channel={notification.channel_type}
            subject={notification.subject}
            content={notification.content ?? ""}
            contentType={notification.content_type}
          />
          <Extra title={t("Variables")} value={notification.variables} />
          <Extra title={t("Metadata")} value={notification.metadata} />
        </>
      )}
    </Pane>
  );
}

function Extra({ title, value }: { title: string; value: unknown }) {
  if (!value || Object.keys(value as object).length === 0) return null;
  return (
    <details>
      <summary>{title}</summary>
      <Json value={value} label={title} />
    </details>
  );
}

interface ActionsProps {
  notification: Notification;
  act: (work: () => Promise<string>) => Promise<void>;
  close: () => void;
  changed: () => void;
}

function Actions({ notification, act, close, changed }: ActionsProps) {
  const id = notification.id;
  const retry = () =>
    act(async () => {
      await call("post", "/api/notifications/retry", { body: { log_id: id } });
      return t("Queued for another attempt.");
    });
  const discard = async () => {
    const agreed = await confirmed({
      title: t("Discard this notification?"),
      text: t("It ends as cancelled and will not be sent again."),
      action: t("Discard"),
    });
    if (!agreed) return;
    await act(async () => {
      await call("post", "/api/queue/discard-failed", { body: { taskIds: [id] } });
      return t("Discarded.");
    });
  };
  const cancel = async () => {
    const agreed = await confirmed({
      title: t("Cancel the waiting retry?"),
      text: t("It ends as cancelled and will not be sent again."),
      action: t("Cancel the retry"),
    });
    if (!agreed) return;
    await act(async () => {
      const body = { taskIds: [id], markAsFailed: false };
      await call("post", "/api/queue/clear-retries", { body });
      return t("Cancelled.");
    });
  };
  const remove = async () => {
    const agreed = await confirmed({
      title: t("Delete this notification?"),
      text: t("Its row, text and attempts are deleted from the database for good."),
      action: t("Delete"),
    });
    if (!agreed) return;
    try {
      await call("delete", "/api/notification-logs/{id}", { parameters: { id } });
      toast(t("Deleted."));
      changed();
      close();
    } catch (error) {
      toastError(error);
    }
  };
  const waiting = notification.status === "retry_scheduled";
  const settled = ["sent", "failed", "cancelled"].includes(notification.status);
  return (
    <div class="actions">
      {notification.status === "failed" && (
        <>
          <button type="button" class="primary" onClick={retry}>
            {t("Send again")}
          </button>
          <button type="button" onClick={discard}>
            {t("Discard")}
          </button>
        </>
      )}
      {waiting && (
        <button type="button" onClick={cancel}>
          {t("Cancel the retry")}
        </button>
      )}
      {settled && (
        <button type="button" class="danger quiet" onClick={remove}>
          {t("Delete")}
        </button>
      )}
    </div>
  );
}

interface Step {
  at: string;
  kind: "plain" | "good" | "bad" | "waiting";
  title: string;
  details: (string | null | undefined | false)[];
  text?: string | undefined;
}

/** The row's history in the order in which it happened. */
export function stepsOf(notification: Notification): Step[] {
  const steps: Step[] = [
    {
      at: notification.created_at,
      kind: "plain",
      title: t("Accepted"),
      details: [notification.idempotency_key && `${t("Idempotency key")}: ${notification.idempotency_key}`],
    },
  ];
  notification.attempts.forEach((attempt, index) => {
    const delivered = !attempt.code;
    steps.push({
      at: attempt.at,
      kind: delivered ? "good" : "bad",
      title: t("Attempt {number}: {outcome}", {
        number: index + 1,
        outcome: delivered ? t("delivered") : t("refused"),
      }),
      details: [
        attempt.status_code !== null ? `HTTP ${attempt.status_code}` : t("no answer"),
        attempt.code,
        formatDuration(attempt.duration_ms),
        attempt.version && t("by version {version}", { version: attempt.version.slice(0, 8) }),
        attempt.code && attempt.retryable === false && t("not worth a retry"),
      ],
      text: attempt.error,
    });
  });
  const last = notification.attempts.at(-1);
  switch (notification.status) {
    case "sent":
      steps.push({
        at: notification.sent_at ?? notification.updated_at,
        kind: "good",
        title: t("Delivered"),
        details: [
          t("{duration} after acceptance", {
            duration: formatDuration(
              Date.parse(notification.sent_at ?? notification.updated_at) - Date.parse(notification.created_at),
            ),
          }),
        ],
      });
      break;
    case "failed":
      steps.push({
        at: notification.updated_at,
        kind: "bad",
        title: last?.retryable ? t("Failed: no retries left") : t("Failed"),
        details: [notification.last_error_code],
        text: last?.error === notification.error ? undefined : (notification.error ?? undefined),
      });
      break;
    case "cancelled":
      steps.push({
        at: notification.updated_at,
        kind: "plain",
        title: t("Cancelled"),
        details: [],
        text: notification.error ?? undefined,
      });
      break;
    case "pending":
      steps.push({ at: notification.updated_at, kind: "waiting", title: t("Being delivered"), details: [] });
      break;
    default:
      if (notification.next_retry_at) {
        steps.push({
          at: notification.next_retry_at,
          kind: "waiting",
          title: t("Next attempt"),
          details: [formatDistance(notification.next_retry_at, serviceNow())],
        });
      }
  }
  return steps;
}

function Timeline({ notification }: { notification: Notification }) {
  return (
    <>
      <ol class="timeline">
        {stepsOf(notification).map((step, index) => (
          <li key={index} data-kind={step.kind}>
            <p class="step-title">
              {step.title} <time dateTime={step.at}>{formatTime(step.at)}</time>
            </p>
            {step.details.some(Boolean) && (
              <p class="step-details">{step.details.filter(Boolean).join(" · ")}</p>
            )}
            {step.text && <pre class="step-text">{step.text}</pre>}
          </li>
        ))}
      </ol>
      {notification.redrives > 0 && (
        <p class="hint">{t("Sent again by an operator {count} times.", { count: notification.redrives })}</p>
      )}
    </>
  );
}
