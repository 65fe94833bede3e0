import type { VNode } from "preact";
import { html } from "../html.ts";
import { usePage } from "../page_context.ts";
import { OrderButton } from "./order_button.ts";

interface PauseButtonProps {
  readonly kind: "source" | "sink";
  readonly name: string;
  readonly isPaused: boolean;
}

const CONSEQUENCES: Record<PauseButtonProps["kind"], string> = {
  source: "Nothing is read of it until it is resumed, also over a restart. Its bus keeps the events, and " +
    "windows wait for it up to MAX_WAIT.",
  sink: "Nothing is delivered to it until it is resumed, also over a restart. Its aggregates wait in the " +
    "outbox; when that is full, reading stops.",
};

/** Pauses a source or a sink, or resumes it. */
export function PauseButton({ isPaused, kind, name }: PauseButtonProps): VNode {
  const { api } = usePage();
  const carryOut = async (action: "pause" | "resume") => {
    await api.post(action, { kind, name });
    return action === "pause" ? "paused" : "resumed";
  };
  const [action, label] = isPaused ? ["resume", "Resume"] as const : ["pause", "Pause"] as const;
  const question = { title: `Pause the ${kind} ${name}?`, text: CONSEQUENCES[kind] };
  return html`
    <${OrderButton} label=${label} description=${`${label} ${kind} ${name}`}
      question=${isPaused ? undefined : question} carryOut=${() => carryOut(action)} />
  `;
}
