import type { VNode } from "preact";
import { RunbookText } from "../alarms/runbook_text.ts";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import { Mark } from "../mark.ts";
import { countOf } from "../number_format.ts";
import type { Pipeline } from "../pipeline.ts";
import { NOTE_ADVICE } from "./advice.ts";
import { useHiddenNotes } from "./hidden_notes.ts";

/**
 * What is so on purpose or elsewhere, for who misses aggregates. The viewer may hide what is known. Nothing
 * where there is none.
 */
export function NotesCard({ notes }: { readonly notes: Pipeline["notes"] }): VNode | null {
  const hidden = useHiddenNotes();
  if (notes.length === 0) return null;
  const shown = notes.filter((note) => !hidden.isHidden(note));
  const hiddenCount = notes.length - shown.length;
  return html`
    <section class="card notes" aria-label="Notes">
      ${shown.length > 0 && html`
        <ul>
          ${shown.map((note) =>
            html`<${NoteItem} key=${`${note.name} ${note.id}`} note=${note} hide=${() =>
              hidden.hide(note)} />`
          )}
        </ul>
      `}
      ${hiddenCount > 0 && html`
        <p class="hint">
          ${countOf(hiddenCount, "note")} hidden in this browser.${" "}
          <button type="button" class="link" onClick=${hidden.showAll}>Show again</button>
        </p>
      `}
    </section>
  `;
}

interface NoteItemProps {
  readonly note: Pipeline["notes"][number];
  readonly hide: () => void;
}

function NoteItem({ hide, note: { detail, name, series } }: NoteItemProps): VNode {
  const { advice, title } = NOTE_ADVICE[name];
  return html`
    <li>
      <h2>
        <${Mark} tone="idle">${title}<//></h2>
      <p class="detail"><${RunbookText} text=${detail} /></p>
      <p>
        <strong>What to do:</strong> ${advice}${" "}
        ${series !== null && html`<a href=${linkTo("series", { q: series })}>Show the series</a>`}${" "}
        <button type="button" class="link"
          title="In this browser, until it is about something else" onClick=${hide}>
          Hide
        </button>
      </p>
    </li>
  `;
}
