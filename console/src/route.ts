/** The place in the console, kept in the address's fragment so that it can be shared. */

import { useEffect, useState } from "preact/hooks";

export interface Place {
  tab: string;
  id: string;
  query: Record<string, string>;
}

export function currentPlace(): Place {
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [tab = "", id = ""] = path.split("/").map(decoded);
  return { tab, id, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** A part of the address; one that was cut in the middle of an escape stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function linkTo(tab: string, id = "", query: Record<string, string> = {}): string {
  const filled = Object.entries(query).filter(([, value]) => value !== "");
  const search = filled.length ? `?${new URLSearchParams(filled)}` : "";
  return `#/${tab}${id ? `/${encodeURIComponent(id)}` : ""}${search}`;
}

export function goTo(tab: string, id = "", query: Record<string, string> = {}): void {
  location.hash = linkTo(tab, id, query);
}

export function usePlace(): Place {
  const [place, setPlace] = useState(currentPlace);
  useEffect(() => {
    const follow = () => setPlace(currentPlace());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return place;
}
