import type { VNode } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { html, type WithChildren } from "../html.ts";

interface QuestionProps extends WithChildren {
  readonly title: string;
  /** The word on the button that goes on. */
  readonly verb: string;
  readonly isDanger?: boolean;
  readonly onYes: () => void;
  /** Also for the key Escape. */
  readonly onNo: () => void;
}

/** Asks once more before an order is given. The browser keeps the keyboard within it. */
export function Question({ children, isDanger, onNo, onYes, title, verb }: QuestionProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return html`
    <dialog ref=${dialog} class="question" aria-labelledby=${heading} onClose=${onNo}>
      <h2 id=${heading}>${title}</h2>
      ${children}
      <div class="actions">
        <button type="button" class="button" onClick=${onNo}>Cancel</button>
        <button type="button" class="button ${isDanger ? "button-danger" : "button-main"}" onClick=${onYes}>
          ${verb}
        </button>
      </div>
    </dialog>
  `;
}
