/** Tables of rows: a narrow screen shows each row as a card. */

import type { ComponentChildren, VNode } from "preact";

import { t } from "../language";

interface Column {
  title: ComponentChildren;
  /** `number` stands on the right; `optional` gives way where there is no room. */
  class?: "number" | "optional";
}

/** A column of numbers. */
export const numbers = (title: string): Column => ({ title, class: "number" });

/** The column of a row's buttons: only screen readers tell its title. */
export const actions = (): Column => ({ title: <span class="unseen">{t("Actions")}</span> });

interface TableProps {
  label: string;
  columns: (string | Column | VNode)[];
  /** The rows. */
  children: ComponentChildren;
}

export function Table({ label, columns, children }: TableProps) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={label}>
      <table class="stack">
        <thead>
          <tr>
            {columns.map((column, place) => {
              const { title, class: kind } = isColumn(column) ? column : { title: column, class: undefined };
              return (
                <th key={place} scope="col" class={kind}>
                  {title}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

const isColumn = (column: string | Column | VNode): column is Column =>
  typeof column === "object" && "title" in column;
