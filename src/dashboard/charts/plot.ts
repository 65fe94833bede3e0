import uPlot from "uplot";
import { axisTimeText } from "./axis_time.ts";
import { type ChartLine, colourOf, dashesOf } from "./chart_line.ts";
import type { TimeTable } from "./time_grid.ts";

/** What is plotted. */
export interface PlotContent {
  readonly table: TimeTable;
  /** One for each column. */
  readonly lines: readonly ChartLine[];
  /** The span of the time axis, Unix seconds. */
  readonly from: number;
  readonly to: number;
  /** The text of a value. */
  readonly format: (value: number) => string;
  /** Called with the row under the pointer; undefined: it is elsewhere. */
  readonly onPointed: (row: number | undefined) => void;
}

const HEIGHT = 220;
/** Room for the texts of values. */
const AXIS_WIDTH = 84;

/** Room for the text of a time with seconds, and a gap. */
const TIME_SPACE = 80;

/** A plot in an element, as wide as the element. */
export class Plot {
  private readonly plot: uPlot;
  private readonly widths: ResizeObserver;

  constructor(element: HTMLElement, private content: PlotContent) {
    this.plot = new uPlot(this.options(element), this.data(), element);
    this.widths = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
    });
    this.widths.observe(element);
  }

  /** Shows other values of the same lines. */
  show(content: PlotContent): void {
    this.content = content;
    this.plot.setData(this.data());
  }

  remove(): void {
    this.widths.disconnect();
    this.plot.destroy();
  }

  private data(): uPlot.AlignedData {
    const { columns, times } = this.content.table;
    return [times, ...columns] as unknown as uPlot.AlignedData;
  }

  private options(element: HTMLElement): uPlot.Options {
    const colour = colours();
    const line = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--muted"), grid: line, ticks: line, font: "12px system-ui, sans-serif" };
    return {
      width: Math.max(200, element.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: () => [this.content.from, this.content.to] },
        y: { range: (_, least, most) => rangeOf(least, most) },
      },
      axes: [
        {
          ...axis,
          space: TIME_SPACE,
          values: (_, splits, __, ___, step) => splits.map((time) => axisTimeText(time, step)),
        },
        {
          ...axis,
          size: AXIS_WIDTH,
          values: (_, splits) => eachOnce(splits.map((value) => this.content.format(value))),
        },
      ],
      series: [
        {},
        ...this.content.lines.map((line, i): uPlot.Series => ({
          label: line.name,
          stroke: colour(colourOf(i)),
          width: 2,
          dash: [...dashesOf(i)],
          points: { show: true, size: 8, width: 2, filter: (_, column) => this.pointsOf(column - 1) },
        })),
      ],
      hooks: { setCursor: [({ cursor: { idx } }) => this.content.onPointed(idx ?? undefined)] },
    };
  }

  /** Rows of a line that have a point: those that are marked, and those without a neighbour. */
  private pointsOf(line: number): number[] {
    const { lines, table: { columns } } = this.content;
    const { marked } = lines[line]!;
    const column = columns[line]!;
    const isThere = (row: number) => column[row] !== null && column[row] !== undefined;
    return [...column.keys()].filter((row) =>
      isThere(row) && (marked?.[row] || !(isThere(row - 1) || isThere(row + 1)))
    );
  }
}

/** The colours of the style sheet, by their names; where the user forces colours, the user's. */
function colours(): (name: string) => string {
  if (matchMedia("(forced-colors: active)").matches) {
    return (name) => name === "--line" ? "GrayText" : "CanvasText";
  }
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}

/** Texts without those that say the same as the one before: a count has nothing between 0 and 1. */
function eachOnce(texts: readonly string[]): string[] {
  return texts.map((text, i) => text === texts[i - 1] ? "" : text);
}

/** What is never below 0 has its axis begin there. */
function rangeOf(least: number | null, most: number | null): [number, number] {
  if (least === null || most === null || (least === 0 && most === 0)) return [0, 1];
  const room = 0.08 * (most - least || Math.abs(most) || 1);
  const isNearZero = least >= 0 && least < 0.5 * most;
  return [isNearZero || least === 0 ? 0 : least - room, most + room];
}
