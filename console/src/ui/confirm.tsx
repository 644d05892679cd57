/** Asks before something is destroyed. */

import { useEffect, useRef, useState } from "preact/hooks";

import { t } from "../language";

interface Question {
  title: string;
  text: string;
  action: string;
  answer: (agreed: boolean) => void;
}

let ask: (question: Question) => void = () => undefined;

/** Resolve to whether the person agreed; Escape and "Cancel" are a no. */
export function confirmed(question: Omit<Question, "answer">): Promise<boolean> {
  return new Promise((answer) => ask({ ...question, answer }));
}

export function ConfirmDialog({ production }: { production: boolean }) {
  const [question, setQuestion] = useState<Question | undefined>();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    ask = setQuestion;
  }, []);
  useEffect(() => {
    if (question) dialog.current?.showModal();
  }, [question]);
  if (!question) return null;
  const close = (agreed: boolean) => {
    question.answer(agreed);
    setQuestion(undefined);
  };
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onCancel={() => close(false)}>
      <h2 id="confirm-title">{question.title}</h2>
      <p>{question.text}</p>
      {production && <p class="warning">{t("This is production.")}</p>}
      <div class="actions">
        <button type="button" onClick={() => close(false)} autofocus>
          {t("Cancel")}
        </button>
        <button type="button" class="danger" onClick={() => close(true)}>
          {question.action}
        </button>
      </div>
    </dialog>
  );
}
