/** The console's frame: sign-in first, then the tabs. */

import { useEffect, useState } from "preact/hooks";

import { followClock, signOut, type Answer } from "./api/client";
import { useLoaded, useRegularly } from "./api/loading";
import { currentLanguage, switchLanguage, t, type Text } from "./language";
import { linkTo, usePlace } from "./route";
import { ExchangePanel } from "./exchange-panel";
import { SignIn } from "./sign-in";
import { chooseTheme, currentTheme, THEMES, type Theme } from "./theme";
import { ConfirmDialog } from "./ui/confirm";
import { Icon, type IconName } from "./ui/icons";
import { healthTitle } from "./ui/parts";
import { Toasts } from "./ui/toast";
import { Charts } from "./tabs/charts";
import { Grafana } from "./tabs/grafana";
import { Notifications } from "./tabs/notifications";
import { Queues } from "./tabs/queues";
import { Recipients } from "./tabs/recipients";
import { Send } from "./tabs/send";
import { System } from "./tabs/system";
import { Templates } from "./tabs/templates";

type Health = Answer<"/health", "get">;

interface Tab {
  name: string;
  title: Text;
  icon: IconName;
  content: () => preact.JSX.Element;
}

const TABS: readonly Tab[] = [
  { name: "notifications", title: "Notifications", icon: "inbox", content: Notifications },
  { name: "send", title: "Send", icon: "send", content: Send },
  { name: "recipients", title: "Users", icon: "people", content: Recipients },
  { name: "templates", title: "Templates", icon: "template", content: Templates },
  { name: "queues", title: "Queues", icon: "queue", content: Queues },
  { name: "charts", title: "Charts", icon: "chart", content: Charts },
  { name: "system", title: "System", icon: "system", content: System },
  { name: "grafana", title: "Grafana", icon: "alert", content: Grafana },
];
const HEALTH_EVERY_MS = 30_000;
const THEME_TITLES: Record<Theme, Text> = { auto: "Automatic", light: "Light", dark: "Dark" };

export function App() {
  const [signedIn, setSignedIn] = useState(false);
  const [, redraw] = useState(0);
  const health = useLoaded(async (signal) => {
    const found = await readHealth(signal);
    followClock(found.timestamp);
    return found;
  }, []);
  useRegularly(health.reload, HEALTH_EVERY_MS);
  const environment = health.data?.environment ?? "";
  useEffect(() => {
    document.documentElement.dataset["environment"] = environment;
  }, [environment]);
  const preferences = <Preferences changed={() => redraw((turn) => turn + 1)} />;
  return (
    <>
      {signedIn ? (
        <Shell
          health={health.data}
          unreachable={health.error !== undefined}
          preferences={preferences}
          leave={() => {
            signOut();
            setSignedIn(false);
          }}
        />
      ) : (
        <SignIn health={health} preferences={preferences} done={() => setSignedIn(true)} />
      )}
      <ConfirmDialog production={environment === "production"} />
      <Toasts />
    </>
  );
}

/** Health answers 503 with the same document where something is wrong. */
async function readHealth(signal: AbortSignal): Promise<Health> {
  const answer = await fetch("/health", { cache: "no-store", signal });
  return (await answer.json()) as Health;
}

interface ShellProps {
  health: Health | undefined;
  unreachable: boolean;
  preferences: preact.JSX.Element;
  leave: () => void;
}

function Shell({ health, unreachable, preferences, leave }: ShellProps) {
  const place = usePlace();
  const tab = TABS.find((one) => one.name === place.tab) ?? TABS[0]!;
  const state = unreachable ? "unreachable" : (health?.status ?? "unknown");
  useEffect(() => {
    // On a phone the tabs are a strip that scrolls.
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [tab.name]);
  useEffect(() => {
    document.title = `${t(tab.title)} · ${t("Notification console")}`;
  });
  return (
    <div class="shell">
      <a class="skip" href="#page" onClick={(event) => {
        event.preventDefault();
        document.getElementById("page")?.focus();
      }}>
        {t("Skip to the content")}
      </a>
      <header class="top">
        <a class="brand" href={linkTo("notifications")}>
          <Icon name="bell" />
          <span>{t("Notification console")}</span>
        </a>
        {health?.environment && (
          <span class="environment" data-environment={health.environment}>
            {health.environment}
          </span>
        )}
        <a class="health" data-state={state} href={linkTo("system")}>
          {unreachable ? t("Unreachable") : healthTitle(state)}
        </a>
        <span class="spacer" />
        {preferences}
        <button type="button" class="quiet" onClick={leave}>
          {t("Sign out")}
        </button>
      </header>
      <nav class="tabs" aria-label={t("Console")}>
        <ul>
          {TABS.map((one) => (
            <li key={one.name}>
              <a href={linkTo(one.name)} aria-current={one.name === tab.name ? "page" : undefined}>
                <Icon name={one.icon} />
                <span>{t(one.title)}</span>
              </a>
            </li>
          ))}
        </ul>
        {health?.deployment && (
          <p class="version" title={health.deployment.version_id}>
            {t("Version {version}", { version: health.version })}
            <br />
            <code>{health.deployment.version_id.slice(0, 8)}</code>
          </p>
        )}
      </nav>
      <main id="page" tabIndex={-1}>
        <tab.content key={tab.name} />
      </main>
      <ExchangePanel />
    </div>
  );
}

function Preferences({ changed }: { changed: () => void }) {
  const language = currentLanguage();
  return (
    <div class="preferences">
      <label>
        <span class="unseen">{t("Theme")}</span>
        <select
          value={currentTheme()}
          onChange={(event) => {
            chooseTheme(event.currentTarget.value as Theme);
            changed();
          }}
        >
          {THEMES.map((theme) => (
            <option key={theme} value={theme}>
              {t(THEME_TITLES[theme])}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="quiet"
        lang={language === "en" ? "zh-CN" : "en"}
        onClick={() => {
          switchLanguage(language === "en" ? "zh" : "en");
          changed();
        }}
      >
        {language === "en" ? "中文" : "English"}
      </button>
    </div>
  );
}
