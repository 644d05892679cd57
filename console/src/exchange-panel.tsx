/** The requests of this page and their answers, as they went over the wire. */

import { useEffect, useState } from "preact/hooks";

import { onExchange, recentExchanges, type Exchange } from "./api/client";
import { formatDuration, formatTime, t } from "./language";
import { pretty } from "./ui/parts";

export function ExchangePanel() {
  const [exchanges, setExchanges] = useState(recentExchanges);
  const [chosen, setChosen] = useState<number | undefined>();
  useEffect(() => onExchange(() => setExchanges(recentExchanges())), []);
  const latest = exchanges[0];
  if (!latest) return null;
  const shown = exchanges.find((one) => one.id === chosen) ?? latest;
  return (
    <details class="exchanges">
      <summary>
        <span class="summary-title">{t("Raw exchange")}</span>
        <code>
          {latest.method} {latest.target}
        </code>
        <span class="code" data-good={latest.status < 400}>
          {latest.status || "–"}
        </span>
        <span class="hint">{formatDuration(latest.durationMs)}</span>
      </summary>
      <div class="exchange-columns">
        <ol class="exchange-list" aria-label={t("Recent requests")}>
          {exchanges.map((one) => (
            <li key={one.id}>
              <button
                type="button"
                aria-pressed={one.id === shown.id}
                onClick={() => setChosen(one.id)}
              >
                <span class="code" data-good={one.status < 400}>
                  {one.status || "–"}
                </span>{" "}
                {one.method} {one.target.split("?", 1)[0]}
                <span class="hint"> {formatTime(one.at, false)}</span>
              </button>
            </li>
          ))}
        </ol>
        <ExchangeText exchange={shown} />
      </div>
    </details>
  );
}

export function ExchangeText({ exchange }: { exchange: Exchange }) {
  return (
    <div class="exchange">
      <pre tabIndex={0} role="region" aria-label={t("Request")}>
        <b>
          {exchange.method} {exchange.target}
        </b>
        {"\n"}
        {headerLines(exchange.requestHeaders)}
        {exchange.requestBody && `\n${pretty(exchange.requestBody)}`}
      </pre>
      <pre tabIndex={0} role="region" aria-label={t("Answer")}>
        <b>{exchange.status ? `HTTP ${exchange.status}` : t("No answer")}</b>
        {"\n"}
        {headerLines(exchange.responseHeaders)}
        {exchange.responseBody && `\n${pretty(exchange.responseBody)}`}
      </pre>
    </div>
  );
}

function headerLines(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, text]) => `${name}: ${text}\n`)
    .join("");
}
