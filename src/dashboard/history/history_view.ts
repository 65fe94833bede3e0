import type { VNode } from "preact";
import type { History } from "../../api/history_endpoint.ts";
import { useAnswer } from "../answer.ts";
import { Chart } from "../charts/chart.ts";
import type { ChartLine } from "../charts/chart_line.ts";
import { Choice } from "../choice.ts";
import { useEvery } from "../every.ts";
import { html } from "../html.ts";
import { useViewLocation } from "../location.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { countText, rateText } from "../number_format.ts";
import { durationText } from "../time_format.ts";
import {
  deliveredLines,
  lagLines,
  lateLines,
  refusedLines,
  throughputLines,
  unreadLines,
  waitingLines,
} from "./history_lines.ts";

const SPANS = [["hour", "Last hour"], ["day", "Last day"]] as const;
/** New steps come as often as that. */
const RENEWED_MS = { hour: 10_000, day: 60_000 };
const SPAN_SECONDS = { hour: 3600, day: 86_400 };
const SHOWN_MIN_SECONDS = 300;

/** Throughput, lag and what else changes, over the last hour or day. */
export function HistoryView(): VNode {
  const span = useViewLocation().parameters.span === "day" ? "day" : "hour";
  const { again, failure, value: history } = useAnswer<History>("history", { span });
  useEvery(RENEWED_MS[span], again);
  return html`
    <div class="stack">
      <${Choice} label="Span" parameter="span" chosen=${span} options=${SPANS} />
      ${failure && html`<${FailureNotice} failure=${failure} again=${again} />`}
      ${history && (history.times.length === 0
        ? html`
          <div class="card">
            <${Empty} title="There is no history yet.">
              <p>The first figures are here ten seconds after the start.</p>
              <//>
              </div>
        `
        : html`<${Charts} history=${history} />`)}
    </div>
  `;
}

interface Drawn {
  readonly title: string;
  readonly hint?: string;
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
}

function minuteText(value: number): string {
  return `${value < 10 ? Math.round(value * 10) / 10 : countText(value)}/min`;
}

function chartsOf(history: History): Drawn[] {
  return [
    { title: "Throughput", hint: "Events a second", lines: throughputLines(history), format: rateText },
    {
      title: "Lag",
      hint: "How far the watermark is behind the clock, and how old the newest event of each source is",
      lines: lagLines(history),
      format: durationText,
    },
    { title: "Unread", hint: "Events that wait at the bus", lines: unreadLines(history), format: countText },
    {
      title: "Outbox",
      hint: `Aggregates that wait for each sink; at ${countText(history.outbox_max_rows)} reading stops`,
      lines: waitingLines(history),
      format: countText,
    },
    { title: "Delivered", hint: "Aggregates a second", lines: deliveredLines(history), format: rateText },
    {
      title: "Late",
      hint: "Events a minute that came after their window had closed",
      lines: lateLines(history),
      format: minuteText,
    },
    {
      title: "Refused",
      hint: "Events and aggregates a minute, by reason",
      lines: refusedLines(history),
      format: minuteText,
    },
  ];
}

function Charts({ history }: { readonly history: History }): VNode {
  const { step_seconds, times, to } = history;
  // A history that has just begun is not a line at the edge.
  const from = Math.min(to - SHOWN_MIN_SECONDS, Math.max(to - SPAN_SECONDS[history.span], times[0]!));
  return html`
    <div class="charts">
      ${chartsOf(history).map(({ format, hint, lines, title }) =>
        html`
          <section class="card" aria-label=${title} key=${title}>
            ${lines.some(({ values }) => values.some((value) => value !== null))
              ? html`
                <${Chart}
                  title=${title}
                  heading="h2"
                  hint=${hint}
                  times=${times}
                  stepSeconds=${step_seconds}
                  lines=${lines}
                  from=${from}
                  to=${to}
                  format=${format}
                />
              `
              : html`
                <div>
                  <h2>${title}</h2>
                  <p class="hint">${NOTHING[title]}</p>
                </div>
              `}
          </section>
        `
      )}
    </div>
  `;
}

/** What is said in the place of a chart without lines. */
const NOTHING: Readonly<Record<string, string>> = {
  Throughput: "The first figures are here ten seconds after the start.",
  Lag: "No event has come in this time.",
  Outbox: "There is no sink.",
  Delivered: "There is no sink.",
  Unread: "No bus here tells how much it has that was not read yet.",
  Refused: "Nothing was refused in this time.",
  Late: "No event came late in this time.",
};
