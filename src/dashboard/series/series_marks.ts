import type { VNode } from "preact";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { Mark } from "../mark.ts";
import { Moment } from "../moment.ts";
import type { Pipeline } from "../pipeline.ts";
import { durationText } from "../time_format.ts";
import type { ListedSeries, SeriesTrouble } from "./series_name.ts";

/** Events that are less late are no matter for who looks for missing ones. */
const LATE_MIN_SECONDS = 60;
/** What has not happened for that long is over. */
const OVER_SECONDS = 600;
/** What has not happened for that long may have been mended. */
const STOPPED_SECONDS = 30;

/** A sink that takes what comes has it in less time. */
const WAITS_MIN_SECONDS = 30;

interface SeriesMarksProps {
  readonly series: ListedSeries;
  /** Undefined: none of its events were late or refused. */
  readonly trouble: SeriesTrouble | undefined;
}

/** What is unusual about a series: late, silent, new, or not for every sink. Nothing where nothing is. */
export function SeriesMarks({ series, trouble }: SeriesMarksProps): VNode | null {
  const { new_since, silent_since } = series;
  const pipeline = useLive().pipelines.at(-1);
  const waiting = waitingSinks(series, pipeline);
  const isLate = trouble !== undefined && isGoing(trouble) && trouble.behind_seconds > LATE_MIN_SECONDS;
  const isAhead = trouble !== undefined && isGoing(trouble) && trouble.refused.future > 0;
  const lost = unroutedTiers(series);
  const only = onlySinks(series, pipeline);
  const marks = [
    isLate && html`
      <${Mark} tone=${hasStopped(trouble) ? "idle" : "warn"}>
        ${hasStopped(trouble)
          ? html`<span>events came ${
            delayText(trouble)
          } until <${Moment} seconds=${trouble.last_at} /></span>`
          : `the latest event is ${delayText(trouble)}`}
      <//>
    `,
    isAhead && html`
      <${Mark} tone=${hasStopped(trouble) ? "idle" : "bad"}>
        refused: its clock is ahead${hasStopped(trouble) &&
          html`<span>, until <${Moment} seconds=${trouble.last_at} /></span>`}
      <//>
    `,
    // A series whose events keep coming late only seems to be silent: they are in older windows.
    silent_since !== null && (!isLate || hasStopped(trouble)) && html`
      <${Mark} tone="warn">silent: its last window is that of <${Moment} seconds=${lastWindow(series)} /><//>
    `,
    new_since !== null && html`
      <${Mark} tone="idle">new: its first window is that of <${Moment} seconds=${new_since} /><//>
    `,
    waiting.length > 0 && html`<${Mark} tone="warn">waits in the outbox for ${waiting.join(", ")}<//>`,
    only.length > 0 && html`<${Mark} tone="idle">goes to ${only.join(", ")} only, by ROUTES<//>`,
    lost !== undefined && html`<${Mark} tone="bad">a rule of ROUTES drops it (=none)${lost}<//>`,
  ].filter((mark) => mark !== false);
  if (marks.length === 0) return null;
  return html`<ul class="marks">${marks.map((mark, i) => html`<li key=${i}>${mark}</li>`)}</ul>`;
}

/** Whether a trouble may be over: somebody has set the clock, or the device sends nothing more. */
export function hasStopped({ last_at }: SeriesTrouble): boolean {
  return Date.now() / 1000 - last_at >= STOPPED_SECONDS;
}

/** Whether a trouble is not too long ago. */
function isGoing({ last_at }: SeriesTrouble): boolean {
  return Date.now() / 1000 - last_at < OVER_SECONDS;
}

/** How far the latest event was from its time: `3 h late`, `2 min ahead`. */
export function delayText({ behind_seconds: behind }: SeriesTrouble): string {
  return behind >= 0 ? `${durationText(behind)} late` : `${durationText(-behind)} ahead`;
}

/** The start of the newest of its shortest windows, as that of a new series is. */
function lastWindow({ silent_since, tiers }: ListedSeries): number | null {
  return tiers.find(({ newest }) => newest?.window_end === silent_since)?.newest?.window_start ??
    silent_since;
}

/** The sinks that lack its newest aggregate, and do not just take it. */
function waitingSinks({ tiers }: ListedSeries, pipeline: Pipeline | undefined): string[] {
  const slow = (pipeline?.sinks ?? []).filter(({ state, waiting, waiting_since: since }) =>
    waiting > 0 && (state !== "delivering" || (since !== null && pipeline!.at - since > WAITS_MIN_SECONDS))
  );
  return slow.map(({ name }) => name).filter((name) =>
    tiers.some(({ newest }) => newest?.waiting_for.includes(name))
  );
}

/** The sinks that its newest aggregates go to, where other sinks get none of it. */
function onlySinks({ tiers }: ListedSeries, pipeline: Pipeline | undefined): string[] {
  const reached = new Set(tiers.flatMap(({ newest }) => newest?.sinks ?? []));
  return (pipeline?.sinks ?? []).every(({ name }) => reached.has(name)) ? [] : [...reached];
}

/** For which tiers the newest aggregate goes to no sink; "": for all of them; undefined: for none. */
function unroutedTiers({ tiers }: ListedSeries): string | undefined {
  const closed = tiers.filter(({ newest }) => newest !== null);
  const lost = closed.filter(({ newest }) => newest!.sinks.length === 0);
  if (lost.length === 0) return undefined;
  return lost.length === closed.length
    ? ""
    : ` for windows of ${lost.map(({ window_seconds }) => durationText(window_seconds)).join(", ")}`;
}
