/** Reading from the service inside a component. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  data: T | undefined;
  error: unknown;
  busy: boolean;
  reload: () => void;
}

/** Load when the component appears and whenever one of `inputs` changes; the newest load wins. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, inputs: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data: T | undefined; error: unknown; busy: boolean }>({
    data: undefined,
    error: undefined,
    busy: true,
  });
  const [turn, setTurn] = useState(0);
  const newest = useRef(load);
  newest.current = load;
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ ...before, busy: true }));
    newest
      .current(stop.signal)
      .then((data) => ({ data, error: undefined, busy: false }))
      .catch((error: unknown) => ({ data: undefined, error, busy: false }))
      .then((next) => {
        if (!stop.signal.aborted) setState(next);
      });
    return () => stop.abort();
  }, [...inputs, turn]);
  return { ...state, reload: useCallback(() => setTurn((before) => before + 1), []) };
}

/** Run something again and again while the page is visible. */
export function useRegularly(work: () => void, everyMs: number): void {
  const newest = useRef(work);
  newest.current = work;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) newest.current();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
