import type { EventTap } from "../ingest/event_tap.ts";
import type { NoneRule } from "../event/none_rule.ts";
import type { SeriesTroubles } from "../ingest/series_troubles.ts";
import type { FigureSpan } from "../state/figures/figure_history.ts";
import type { Figures } from "../state/figures/figures.ts";
import type { Pausable, Pause } from "../state/pauses.ts";
import type { Alarm } from "./alarms/alarm_watch.ts";
import type { LiveOverview } from "./overview.ts";
import type { Rereading } from "./resettings.ts";

/** What operators see and do with a running handler, by whatever way they come in. */
export interface Controls {
  /** The state of the handler. */
  readonly look: () => LiveOverview;
  /** The alarms that stand, and those that will where nothing changes. */
  alarms(): readonly Alarm[];
  /** Shows the events that are taken in. */
  readonly tap: EventTap;
  /** The series with late or refused events. */
  readonly troubles: SeriesTroubles;
  /** The rules that drop events or aggregates, and have done so. */
  noneRules(): readonly NoneRule[];
  /** The parts that can be paused. */
  readonly parts: readonly Pausable[];
  /** The pauses in force, the oldest first. */
  pauses(): readonly Pause[];
  /** Puts the pauses in force that the state has. @param part The one that has changed. */
  pause(pauses: readonly Pause[], part: Pausable): void;
  /**
   * Closes all open windows, whatever the time. Returns how many there were; undefined: the state cannot be
   * written, and they stay open.
   */
  flush(): Promise<number | undefined>;
  /** Its figures in the steps of a span, oldest first. A step in which it did not run is missing. */
  figures(span: FigureSpan): readonly Figures[];
  /** Reads the settings again, as at a SIGHUP. */
  reload(): Promise<Rereading>;
}
