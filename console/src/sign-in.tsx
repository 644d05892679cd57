/** Asks for the service's secret, and keeps it as a key that only signs. */

import { useState } from "preact/hooks";

import { CallError, signIn, type Answer } from "./api/client";
import type { Loaded } from "./api/loading";
import { t } from "./language";
import { Icon } from "./ui/icons";
import { Copyable, Field, healthTitle } from "./ui/parts";
import { describeError } from "./ui/toast";

interface SignInProps {
  health: Loaded<Answer<"/health", "get">>;
  preferences: preact.JSX.Element;
  done: () => void;
}

export function SignIn({ health, preferences, done }: SignInProps) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const environment = health.data?.environment;

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const field = form.elements.namedItem("secret") as HTMLInputElement;
    const secret = field.value.trim();
    if (!secret) {
      setError(t("Enter the service's API_SECRET_KEY."));
      field.focus();
      return;
    }
    if (!globalThis.crypto?.subtle) {
      setError(t("This address isn't secure, so the browser can't sign. Open the console over HTTPS."));
      return;
    }
    setBusy(true);
    setError("");
    try {
      await signIn(secret);
      form.reset();
      done();
    } catch (problem) {
      setError(explain(problem));
      setBusy(false);
      field.select();
    }
  }

  return (
    <main class="sign-in">
      <div class="corner">{preferences}</div>
      <form class="card" onSubmit={submit} noValidate>
        <h1>
          <Icon name="bell" />
          {t("Notification console")}
        </h1>
        <p class="lead">
          {environment && (
            <span class="environment" data-environment={environment}>
              {environment}
            </span>
          )}{" "}
          <span class="health" data-state={health.data?.status ?? (health.error ? "unreachable" : "unknown")}>
            {health.data
              ? healthTitle(health.data.status)
              : health.error
                ? t("Unreachable")
                : t("Loading …")}
          </span>
        </p>
        <Field id="secret" label={t("API secret key")} error={error || undefined}
          hint={t("It stays in this page's memory, as a key that can only sign. Reloading forgets it.")}>
          <input
            id="secret"
            name="secret"
            type="password"
            autocomplete="off"
            spellcheck={false}
            autofocus
            aria-describedby={error ? "secret-hint secret-error" : "secret-hint"}
            aria-invalid={error ? true : undefined}
          />
        </Field>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? t("Checking …") : t("Open the console")}
        </button>
        <div class="help">
          <p>{t("Where is the key? This command prints it:")}</p>
          <Copyable text={secretCommand(environment)} label={t("the command")} />
        </div>
      </form>
    </main>
  );
}

/** For a terminal in the project's folder. The stack's name isn't public: it is guessed from what is. */
function secretCommand(environment: string | undefined): string {
  const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  return `.venv/bin/notifyctl outputs api_secret_key --stack ${loopback ? "local" : (environment ?? "STACK")} --show-secrets`;
}

function explain(problem: unknown): string {
  if (!(problem instanceof CallError)) return describeError(problem);
  switch (problem.code) {
    case "INVALID_SIGNATURE":
      return t("This isn't the service's API_SECRET_KEY.");
    case "REQUEST_EXPIRED":
      return t("The clocks of this computer and the service are more than five minutes apart.");
    default:
      return describeError(problem);
  }
}
