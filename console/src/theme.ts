import { stored, store } from "./preferences";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export function currentTheme(): Theme {
  const found = stored("theme") as Theme | undefined;
  return found && THEMES.includes(found) ? found : "auto";
}

/** Without a choice the page follows the system. */
export function applyTheme(theme: Theme = currentTheme()): void {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
}

export function chooseTheme(theme: Theme): void {
  store("theme", theme);
  applyTheme(theme);
}
