/** What this browser remembers: language and theme. Secrets are never among it. */

export type Preference = "language" | "theme";

const PREFIX = "notification-console.";

/** A browser may forbid storage: the console then starts with its defaults. */
export function stored(name: Preference): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined;
  }
}

export function store(name: Preference, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // The choice then lasts until the page is closed.
  }
}
