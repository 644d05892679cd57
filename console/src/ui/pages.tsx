/** The line below a list: which rows of how many it shows, and the way to the others. */

import type { ComponentChildren } from "preact";

import { formatNumber, t, type Text } from "../language";

interface PagesProps {
  /** Counted from 0. */
  page: number;
  /** Rows of a full page. */
  size: number;
  shown: number;
  total: number;
  /** Whether the service stopped counting at the total. */
  capped: boolean;
  more: boolean;
  go: (page: number) => void;
  back?: Text;
  on?: Text;
  children?: ComponentChildren;
}

export function Pages({ page, size, shown, total, capped, more, go, back = "Previous", on = "Next", children }: PagesProps) {
  const first = page * size + 1;
  const count = `${formatNumber(total)}${capped ? "+" : ""}`;
  return (
    <nav class="pages" aria-label={t("Pages")}>
      <span>{shown ? t("{first}–{last} of {total}", { first, last: first + shown - 1, total: count }) : ""}</span>
      {children}
      <span class="spacer" />
      <button type="button" disabled={page === 0} onClick={() => go(page - 1)}>
        {t(back)}
      </button>
      <button type="button" disabled={!more} onClick={() => go(page + 1)}>
        {t(on)}
      </button>
    </nav>
  );
}

/** The page that an address names, counted from 0; what is no number is the first. */
export const pageOf = (query: Record<string, string>): number => Math.max(0, Number.parseInt(query["page"] ?? "", 10) || 0);
