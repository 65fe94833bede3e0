import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.ts";
import { changeParameters } from "../location.ts";
import { type Labels, labelsParameter } from "./series_name.ts";

/** Nobody wants an answer to each key that is pressed. */
const TYPING_MS = 250;

interface SeriesFilterProps {
  /** A part of the name. */
  readonly text: string;
  readonly labels: Labels;
}

/** Which series are listed: by a part of the name, and by labels, each of which can be taken away. */
export function SeriesFilter({ labels, text }: SeriesFilterProps): VNode {
  const [typed, setTyped] = useState(text);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (event: Event) => {
    const { value } = event.currentTarget as HTMLInputElement;
    setTyped(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => changeParameters({ q: value, shown: undefined }), TYPING_MS);
  };
  const without = (key: string) => {
    const { [key]: _, ...others } = labels;
    changeParameters({ filter: labelsParameter(others), shown: undefined });
  };
  return html`
    <div class="row">
      <label class="field series-search">
        A part of the name or of a label
        <input type="search" value=${typed} onInput=${type} autocomplete="off" spellcheck=${false} />
      </label>
      ${Object.entries(labels).map(([key, value]) =>
        html`
          <button type="button" class="label" key=${key} onClick=${() => without(key)}>
            <span class="hidden">Take away the filter </span>${key}=${value}
            <span aria-hidden="true"> ×</span>
          </button>
        `
      )}
    </div>
  `;
}
