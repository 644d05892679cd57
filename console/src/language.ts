/** English texts are the keys; a text that has no Chinese translation doesn't compile. */

import { chinese } from "./chinese";
import { stored, store } from "./preferences";

export type Text = keyof typeof chinese;
export type Language = "en" | "zh";

let language: Language =
  (stored("language") as Language | undefined) ??
  (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

export const currentLanguage = (): Language => language;

export function switchLanguage(next: Language): void {
  language = next;
  store("language", next);
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
}

/** Translate; `{name}` stands for the value of that name. */
export function t(text: Text, values: Record<string, string | number> = {}): string {
  const found: string = language === "zh" ? chinese[text] : text;
  return found.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Translate what the service names, if there is a translation. */
export const translated = (text: string): string => (Object.hasOwn(chinese, text) ? t(text as Text) : text);

const LOCALES: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };

export const formatNumber = (value: number, digits = 0): string =>
  new Intl.NumberFormat(LOCALES[language], { maximumFractionDigits: digits }).format(value);

export function formatTime(iso: string | number, withDate = true): string {
  const options: Intl.DateTimeFormatOptions = {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
    ...(withDate ? { year: "numeric", month: "short", day: "numeric" } : {}),
  };
  return new Intl.DateTimeFormat(LOCALES[language], options).format(new Date(iso));
}

export const formatDay = (moment: number): string =>
  new Intl.DateTimeFormat(LOCALES[language], { month: "short", day: "numeric" }).format(new Date(moment));

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

/** "5 minutes ago", "in 10 seconds". */
export function formatDistance(iso: string, now: number): string {
  const distance = Date.parse(iso) - now;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(distance) >= size) ?? ["second", 1_000];
  const format = new Intl.RelativeTimeFormat(LOCALES[language], { numeric: "auto" });
  return format.format(Math.round(distance / size), unit);
}

export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${formatNumber(ms / 1_000, 1)} s`;
  return `${formatNumber(ms / 60_000, 1)} min`;
}
