/** A list, and beside it a pane with what is open; on a narrow screen the pane stands above. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { t } from "../language";
import { Icon } from "./icons";

export function ListWithPane({ pane, children }: { pane: ComponentChildren; children: ComponentChildren }) {
  return (
    <div class={pane ? "split" : ""}>
      {children}
      {pane}
    </div>
  );
}

interface PaneProps {
  title: string;
  /** What stands beside the title. */
  badge?: ComponentChildren;
  close: () => void;
  /** Makes the pane a form. */
  submit?: (event: SubmitEvent) => void;
  children: ComponentChildren;
}

/** What gives the focus back to whatever had it when the caller was first drawn. */
export function useReturn(): () => void {
  const opener = useRef(document.activeElement);
  return () => {
    if (opener.current instanceof HTMLElement) opener.current.focus();
  };
}

/** It takes the focus when it opens; Escape closes it and gives the focus back. */
export function Pane({ title, badge, close, submit, children }: PaneProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const giveBack = useReturn();
  useEffect(() => heading.current?.focus(), []);
  const leave = () => {
    close();
    giveBack();
  };
  const attributes = {
    class: "life card",
    "aria-labelledby": "pane-title",
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === "Escape") leave();
    },
  };
  const content = (
    <>
      <div class="title-row">
        <h2 id="pane-title" ref={heading} tabIndex={-1}>
          {title}
        </h2>
        {badge}
        <span class="spacer" />
        <button type="button" class="quiet" aria-label={t("Close")} onClick={leave}>
          <Icon name="close" />
        </button>
      </div>
      {children}
    </>
  );
  return submit ? (
    <form {...attributes} onSubmit={submit} noValidate>
      {content}
    </form>
  ) : (
    <section {...attributes}>{content}</section>
  );
}
