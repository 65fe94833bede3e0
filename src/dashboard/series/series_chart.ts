import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { AggregatesPage } from "../../api/aggregates_endpoint.ts";
import type { SeriesPage } from "../../api/series_endpoint.ts";
import { useAnswer } from "../answer.ts";
import { Chart } from "../charts/chart.ts";
import { Choice } from "../choice.ts";
import { useEvery } from "../every.ts";
import { html } from "../html.ts";
import { linkTo, useViewLocation } from "../location.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { countOf, valueText } from "../number_format.ts";
import { durationText, timeText } from "../time_format.ts";
import { type Aggregates, useAggregates } from "./aggregates_answer.ts";
import { Corrections } from "./corrections.ts";
import { SeriesMarks } from "./series_marks.ts";
import { hasExactly, type Labels, labelsOf, labelsParameter, labelsText, troubleOf } from "./series_name.ts";
import { pointsOf } from "./series_points.ts";
import { SeriesTroubles } from "./series_troubles.ts";

const SPANS = [["900", "15 min"], ["3600", "1 h"], ["21600", "6 h"], ["86400", "1 d"], [
  "604800",
  "7 d",
]] as const;
const USUAL_SPAN = "3600";
const RENEWED_MS = 10_000;
const SHOWN_MIN_SECONDS = 300;
/** The longest span. */
const OLDEST_SECONDS = 604_800;

/** A series of the address as a chart, in one of its tiers and functions. */
export function SeriesChart({ name }: { readonly name: string }): VNode {
  const { parameters, path } = useViewLocation();
  const labels = labelsOf(parameters.labels ?? "") ?? {};
  const { functions, own, tiers, trouble } = useVariants(name, labels);
  const func = parameters.func ?? functions[0] ?? "";
  const tier = parameters.tier ?? tiers[0] ?? "";
  const span = SPANS.some(([seconds]) => seconds === parameters.span) ? parameters.span! : USUAL_SPAN;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // The chart is above the row that opened it, so who uses a keyboard or a screen reader goes on there.
    if (document.activeElement !== document.body) heading.current?.focus();
  }, [name, parameters.labels]);
  return html`
    <section class="card stack" aria-label=${`Series ${name}`}>
      <div class="row series-head">
        <h2 ref=${heading} tabindex="-1" class="series-name">${name} <span class="hint">${labelsText(
          labels,
        )}</span></h2>
        <a href=${linkTo(path, closed(parameters))}>Close</a>
      </div>
      ${own && html`<${SeriesMarks} series=${own} trouble=${trouble} />`}
      ${own === undefined && trouble && html`<${SeriesTroubles} troubles=${[trouble]} />`}
      <div class="row">
        <${Choice} label="Function" parameter="func" chosen=${func} options=${same(functions, func)} />
        <${Choice}
          label="Length of windows"
          parameter="tier"
          chosen=${tier}
          options=${same(tiers, tier).map(([value]) => [value, durationText(Number(value))])}
        />
        <${Choice} label="Span" parameter="span" chosen=${span} options=${SPANS} />
      </div>
      ${func !== "" && tier !== "" && html`
        <${Values} name=${name} labels=${labels} func=${func} tier=${tier} span=${Number(span)} />
      `}
    </section>
  `;
}

/** What is known of a series, its functions, and the lengths of its windows. */
function useVariants(name: string, labels: Labels) {
  const { value } = useAnswer<SeriesPage>("series", { q: name, labels: labelsParameter(labels), limit: 100 });
  const own = value?.series.filter((one) => one.name === name && hasExactly(one, labels)) ?? [];
  const older = useOlderFunctions(name, labels, value !== undefined && own.length === 0);
  const lengths = value?.tiers.map(({ window_seconds }) => window_seconds) ?? [];
  return {
    own: own[0],
    trouble: troubleOf({ name, labels }, value?.troubles ?? []),
    functions: [...new Set([...own.map(({ agg_func }) => agg_func), ...older])],
    tiers: lengths.toSorted((a, b) => a - b).map(String),
  };
}

/** The functions of a series that has been silent for so long that it is no longer listed. */
function useOlderFunctions(name: string, labels: Labels, isWanted: boolean): string[] {
  const from = useMemo(() => Math.floor(Date.now() / 1000) - OLDEST_SECONDS, []);
  const asked = { name, labels: labelsParameter(labels), from, limit: 100 };
  const { value } = useAnswer<AggregatesPage>(isWanted ? "aggregates" : undefined, asked);
  return isWanted ? value?.aggregates.map(({ agg_func }) => agg_func) ?? [] : [];
}

interface ValuesProps {
  readonly name: string;
  readonly labels: Labels;
  readonly func: string;
  /** Length of the windows, seconds. */
  readonly tier: string;
  /** How far back, seconds. */
  readonly span: number;
}

function Values({ func, labels, name, span, tier }: ValuesProps): VNode {
  const [round, setRound] = useState(0);
  useEvery(RENEWED_MS, () => setRound((count) => count + 1));
  const asked = { name, labels: labelsParameter(labels), func, tier, span };
  const { failure, value } = useAggregates(asked, round);
  const ask = () => setRound(round + 1);
  return html`
    <div class="stack">
      ${failure && html`<${FailureNotice} failure=${failure} again=${ask} />`}
      ${value === undefined
        ? failure === undefined && html`<p class="hint">Looking …</p>`
        : html`<${Drawn} found=${value} func=${func} labels=${labels} span=${span} tier=${Number(tier)} />`}
    </div>
  `;
}

interface DrawnProps extends Pick<ValuesProps, "func" | "labels" | "span"> {
  readonly found: Aggregates;
  readonly tier: number;
}

function Drawn({ found, func, labels, span, tier }: DrawnProps): VNode {
  const points = pointsOf(found.aggregates.filter((aggregate) => hasExactly(aggregate, labels)));
  const to = Date.now() / 1000;
  // A series that has just begun is not a line at the edge.
  const begin = (points[0]?.time ?? to) - 2 * tier;
  const from = Math.max(to - span, Math.min(begin, to - SHOWN_MIN_SECONDS));
  const line = {
    name: func,
    values: points.map(({ value }) => value),
    marked: points.map(({ isCorrected }) => isCorrected),
  };
  const corrected = points.filter(({ isCorrected }) => isCorrected);
  return html`
    <div class="stack">
      ${found.lacks.map((lack) =>
        html`
          <p class="notice tone-warn" key=${lack}>Aggregates may be missing: ${lack}</p>
        `
      )}
      ${found.isCut && html`<p class="notice tone-warn">There are too many: take a shorter span.</p>`}
      ${points.length === 0
        ? html`
          <${Empty} title="There are no aggregates in this span.">
            <p>Take a longer span. Windows show once they have closed.</p>
            <//>
        `
        : html`
          <${Chart}
            title=${`${func} in windows of ${durationText(tier)}`}
            heading="h3"
            hint=${`${countOf(points.length, "window")} since ${timeText(points[0]!.time)}, ${
              corrected.length === 0
                ? "none corrected by late events"
                : `${countOf(corrected.length, "of them", "of them")} corrected by late events (rings)`
            }`}
            times=${points.map(({ time }) => time)}
            stepSeconds=${tier}
            lines=${[line]}
            from=${from}
            to=${to}
            format=${valueText}
          />
        `}
      ${corrected.length > 0 && html`<${Corrections} points=${corrected} />`}
    </div>
  `;
}

/** The parameters without the chart. */
function closed(parameters: Readonly<Record<string, string>>) {
  const { filter, q, shown } = parameters;
  return { q, filter, shown };
}

/** Options that are their own texts; the chosen one is there even if it is not known. */
function same(values: readonly string[], chosen: string): [string, string][] {
  const all = values.includes(chosen) || chosen === "" ? values : [...values, chosen];
  return all.map((value) => [value, value]);
}
