import { useState } from "preact/hooks";
import type { Pipeline } from "../pipeline.ts";

type Note = Pipeline["notes"][number];

const KEY = "hidden-notes";
/** Notes that a browser remembers, the latest ones. */
const REMEMBERED_MAX = 100;

/** Which notes the viewer has hidden in this browser. */
export interface HiddenNotes {
  isHidden(note: Note): boolean;
  hide(note: Note): void;
  showAll(): void;
}

/** The notes hidden in this browser. Where it keeps nothing, they are hidden until the page is left. */
export function useHiddenNotes(): HiddenNotes {
  const [hidden, setHidden] = useState(remembered);
  const change = (next: readonly string[]) => {
    setHidden(next);
    remember(next);
  };
  return {
    isHidden: (note) => hidden.includes(textOf(note)),
    hide: (note) => change([...hidden, textOf(note)].slice(-REMEMBERED_MAX)),
    showAll: () => change([]),
  };
}

function textOf({ id, name }: Note): string {
  return `${name} ${id}`;
}

function remembered(): readonly string[] {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(known) ? known.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

function remember(hidden: readonly string[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(hidden));
  } catch {
    // The browser keeps nothing, as in some private windows.
  }
}
