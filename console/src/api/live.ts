/**
 * New and changed notifications, within 2 seconds while somebody looks.
 *
 * One request asks for what came after the newest known id and how the unsettled rows on screen
 * stand; the service answers both from the primary key. A hidden page asks nothing, and one that
 * nobody has touched for a while asks rarely.
 */

import { useEffect, useRef, useState } from "preact/hooks";

import { call, type Schemas } from "./client";

export type NotificationBrief = Schemas["NotificationBrief"];
export type LiveState = "live" | "slow" | "paused" | "failing";

export const LIVE_MS = 1_200;
export const SLOW_MS = 30_000;
export const IDLE_AFTER_MS = 15 * 60_000;
const MAX_WATCHED = 100;
const FAILING_MS = 5_000;
const SIGNS_OF_LIFE = ["pointermove", "keydown", "focus", "visibilitychange"] as const;

interface LiveOptions {
  /** The newest row that is known; 0 where none is. */
  from: () => number;
  /** Rows on screen that may still change. */
  watched: () => number[];
  /** Gets new and watched rows, also such as it has seen already. */
  changed: (rows: NotificationBrief[]) => void;
  enabled: boolean;
}

export function useLive({ from, watched, changed, enabled }: LiveOptions): LiveState {
  const [state, setState] = useState<LiveState>("live");
  const newest = useRef({ from, watched, changed });
  newest.current = { from, watched, changed };
  useEffect(() => {
    if (!enabled) return;
    const stop = new AbortController();
    let after = newest.current.from();
    let touched = Date.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    const next = (delay: number) => {
      clearTimeout(timer);
      if (!stop.signal.aborted) timer = setTimeout(ask, delay);
    };
    const ask = async () => {
      if (asking || stop.signal.aborted) return;
      if (document.hidden) {
        setState("paused");
        return;
      }
      asking = true;
      try {
        const watch = newest.current.watched().slice(0, MAX_WATCHED).join(",");
        const { data } = await call("get", "/api/notification-logs/changes", {
          query: { after, ...(watch ? { watch } : {}) },
          quiet: true,
          signal: stop.signal,
        });
        after = data.newest;
        if (data.logs.length) newest.current.changed(data.logs);
        const idle = Date.now() - touched > IDLE_AFTER_MS;
        setState(idle ? "slow" : "live");
        next(idle ? SLOW_MS : LIVE_MS);
      } catch {
        if (stop.signal.aborted) return;
        setState("failing");
        next(FAILING_MS);
      } finally {
        asking = false;
      }
    };
    const wake = () => {
      const rested = document.hidden || Date.now() - touched > IDLE_AFTER_MS || !timer;
      touched = Date.now();
      if (!document.hidden && rested) next(0);
    };
    const wakeVisible = () => {
      touched = Date.now();
      if (!document.hidden) next(0);
    };
    for (const sign of SIGNS_OF_LIFE) {
      const listener = sign === "visibilitychange" ? wakeVisible : wake;
      addEventListener(sign, listener, { signal: stop.signal, passive: true, capture: true });
    }
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [enabled]);
  return enabled ? state : "paused";
}
