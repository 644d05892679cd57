/** Short messages that screen readers announce and that go away by themselves. */

import { useEffect, useState } from "preact/hooks";

import { CallError } from "../api/client";
import { t } from "../language";

interface Toast {
  id: number;
  kind: "good" | "bad";
  text: string;
}

const SHOWN_MS = 6_000;

let toasts: readonly Toast[] = [];
let counter = 0;
const listeners = new Set<(toasts: readonly Toast[]) => void>();

function publish(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener(toasts);
}

export function toast(text: string, kind: Toast["kind"] = "good"): void {
  const id = ++counter;
  publish([...toasts, { id, kind, text }]);
  setTimeout(() => publish(toasts.filter((one) => one.id !== id)), SHOWN_MS);
}

/** One sentence for a person, and the code and request id that find the log lines. */
export function describeError(error: unknown): string {
  if (!(error instanceof CallError)) return t("Something went wrong: {error}", { error: String(error) });
  if (error.code === "TIMEOUT") return t("The service gave no answer within 30 seconds.");
  if (error.code === "NETWORK") return t("The service can't be reached. Check that it runs.");
  if (error.code === "UNREADABLE") return t("The answer isn't the service's. Check what stands between it and this browser.");
  const after = error.retryAfter ? ` ${t("Try again in {seconds} s.", { seconds: error.retryAfter })}` : "";
  return `${error.message}${after}`;
}

export const toastError = (error: unknown): void => toast(describeError(error), "bad");

export function Toasts() {
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    listeners.add(setShown);
    return () => {
      listeners.delete(setShown);
    };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <p key={one.id} class="toast" data-kind={one.kind}>
          {one.text}
        </p>
      ))}
    </div>
  );
}
