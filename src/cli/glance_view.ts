import type { Glance, Noted } from "../control/glance.ts";
import type { Rates } from "../control/glance_rates.ts";
import { amount } from "../platform/log/amount.ts";
import { printable } from "../platform/log/printable.ts";
import type { ScreenSize } from "../platform/terminal/screen.ts";
import type { TerminalStyle } from "../platform/terminal/style.ts";
import { cutToColumns } from "../platform/terminal/text_width.ts";
import { agoInWords, amountInWords, lengthInWords, sizeInWords, spanInWords } from "./glance_words.ts";
import { type Cell, type Column, textTable } from "./text_table.ts";

/** A glance, and where it comes from. */
export interface Seen {
  readonly glance: Glance;
  readonly rates: Rates;
  /** In words: the address of the listener, or the state. */
  readonly from: string;
  /** What the operator should know about that; undefined: nothing. */
  readonly note: string | undefined;
}

const SOURCES: readonly Column[] = [
  { title: "SOURCE", alignment: "left", rank: 9 },
  { title: "STATE", alignment: "left", rank: 8 },
  { title: "EVENTS/S", alignment: "right", rank: 7 },
  { title: "UNREAD", alignment: "right", rank: 6 },
  { title: "REFUSED/S", alignment: "right", rank: 4 },
  { title: "NEWEST EVENT", alignment: "right", rank: 5 },
];
const SINKS: readonly Column[] = [
  { title: "SINK", alignment: "left", rank: 9 },
  { title: "STATE", alignment: "left", rank: 8 },
  { title: "AGGREGATES/MIN", alignment: "right", rank: 6 },
  { title: "WAITING", alignment: "right", rank: 7 },
  { title: "OLDEST WAITS", alignment: "right", rank: 5 },
];
const GOOD_STATES = ["reading", "delivering", "running"];
const BAD_STATES = ["failing", "broken", "misconfigured", "stopped"];
/** States by the words of the dashboard, where their own names would mislead. */
const STATES_IN_WORDS: Readonly<Record<string, string>> = { broken: "not tried for now", held: "held back" };

/**
 * The lines of a screen of the given size. Where it is too low for all, the most important ones come first,
 * a note has one line, and what is left over goes.
 */
export function glanceScreen(seen: Seen, { columns, rows }: ScreenSize, style: TerminalStyle): string[] {
  const cut = (text: string) => cutToColumns(printable(text), columns);
  const notes = seen.glance.notes.map(({ detail }) => `NOTE ${detail}`);
  const [title, obstacles] = [titleOf(seen, columns, style), obstaclesOf(seen, columns, style)];
  const origin = originOf(seen, columns, style);
  const [above, below] = [sources(seen, columns, style), sinks(seen, columns, style)];
  const [middle, counts] = [between(seen.glance).map(cut), foot(seen.glance).map(cut)];
  const inWhole = notes.flatMap((note) => wrapped(note, columns));
  const standing = [title, ...origin, ...obstacles, ...inWhole];
  const whole = [...standing, "", ...above, "", ...middle, "", ...below, "", ...counts];
  const lines = whole.length < rows
    ? whole
    : [title, ...obstacles, ...above, ...below, ...middle, ...notes.map(cut), ...counts, ...origin];
  const hidden = lines.length - (rows - 1);
  const last = hidden > 0 ? `… ${hidden} more line${hidden === 1 ? "" : "s"}; q ends` : "q ends";
  return [...lines.slice(0, rows - 1), cutToColumns(last, columns)];
}

/** The same in one line, for a file or a pipe. */
export function glanceLine({ from, glance, note, rates }: Seen): string {
  const { alarms, atMs, causes, lagMs, outbox } = glance;
  const open = glance.windows.reduce((sum, { open }) => sum + open, 0);
  const parts = [
    causes.length === 0 ? "ready" : "NOT READY",
    `${amountInWords(rates.received)} events/s`,
    `${amount(open, "window")} open`,
    ...(lagMs === undefined ? [] : [`lag ${spanInWords(lagMs)}`]),
    `${amountInWords(outbox.rows)} in the outbox`,
    ...glance.sources.map(({ name, state, unread }) =>
      `source ${name} ${stateInWords(state)}${
        unread === undefined ? "" : `, ${amountInWords(unread)} unread`
      }`
    ),
    ...glance.sinks.map(({ name, state, waiting }) =>
      `sink ${name} ${stateInWords(state)}, ${amountInWords(waiting)} waiting`
    ),
    `${amountInWords(glance.refused)} refused`,
    ...[...causes, ...alarms, ...glance.notes].map(({ detail, name }) => `${name}: ${detail}`),
    ...(note === undefined ? [] : [note]),
    `from ${from}`,
  ];
  return `${new Date(atMs).toISOString()} ${glance.instance}: ${printable(parts.join("; "))}\n`;
}

function titleOf({ glance }: Seen, columns: number, style: TerminalStyle): string {
  const { atMs, causes, instance } = glance;
  const isReady = causes.length === 0;
  const time = new Date(atMs).toISOString().replace("T", " ").replace(/\..*/, " UTC");
  const line = `${isReady ? "ready" : "NOT READY"}  ${instance}  ${time}`;
  return (isReady ? style.good : style.bad)(cutToColumns(printable(line), columns));
}

/** What is in the handler's way, and what operators should check. */
function obstaclesOf({ glance }: Seen, columns: number, style: TerminalStyle): string[] {
  return [
    ...noted("", glance.causes, columns).map(style.bad),
    ...noted("ALARM ", glance.alarms, columns).map(style.notable),
  ];
}

/** Where that is known from. */
function originOf({ from, glance, note }: Seen, columns: number, style: TerminalStyle): string[] {
  const { atMs, checkpointMs, stateBytes, stateFile } = glance;
  const cut = (text: string) => cutToColumns(printable(text), columns);
  return [
    cut(
      `${stateFile}, ${sizeInWords(stateBytes)}, ${
        checkpointMs === undefined ? "no checkpoint yet" : `checkpoint ${agoInWords(checkpointMs, atMs)}`
      }`,
    ),
    cut(`seen from ${from}`),
    ...(note === undefined ? [] : wrapped(note, columns).map(style.notable)),
  ];
}

/** Causes or alarms in whole: they say what to do. */
function noted(word: string, found: readonly Noted[], columns: number): string[] {
  return found.flatMap(({ detail, name }) => wrapped(`${word}${name}: ${detail}`, columns));
}

/** Text as lines of a width, the later ones indented, broken between words where it can be. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (cutToColumns(longer, columns) === longer) line = longer;
    else {
      if (line.trim() !== "") lines.push(line);
      line = cutToColumns(lines.length === 0 && line === "" ? word : `  ${word}`, columns);
    }
  }
  return [...lines, line];
}

function sources({ glance, rates }: Seen, columns: number, style: TerminalStyle): string[] {
  const rows = glance.sources.map(({ name, newestEventMs, state, unread }): Cell[] => [
    { text: printable(name) },
    stateCell(state, style),
    { text: amountInWords(rates.receivedOf.get(name)) },
    { text: amountInWords(unread) },
    { text: amountInWords(rates.refusedOf.get(name)) },
    { text: agoInWords(newestEventMs, glance.atMs) },
  ]);
  return titled(textTable(SOURCES, rows, columns), style);
}

function sinks({ glance, rates }: Seen, columns: number, style: TerminalStyle): string[] {
  const rows = glance.sinks.map(({ name, state, waiting, waitingSinceMs }): Cell[] => [
    { text: printable(name) },
    stateCell(state, style),
    { text: amountInWords(rates.deliveredTo.get(name)) },
    { text: amountInWords(waiting), style: waiting > 0 ? style.notable : undefined },
    { text: waitingSinceMs === undefined ? "-" : spanInWords(Math.max(0, glance.atMs - waitingSinceMs)) },
  ]);
  return titled(textTable(SINKS, rows, columns), style);
}

function titled([title, ...rows]: string[], style: TerminalStyle): string[] {
  return [style.strong(title!), ...rows];
}

function stateCell(state: string, style: TerminalStyle): Cell {
  const colour = GOOD_STATES.includes(state)
    ? style.good
    : BAD_STATES.includes(state)
    ? style.bad
    : style.notable;
  return { text: stateInWords(state), style: colour };
}

function stateInWords(state: string): string {
  return STATES_IN_WORDS[state] ?? state;
}

function between({ atMs, lagMs, outbox, watermarkMs, windows }: Glance): string[] {
  const open = windows.map(({ open, windowSeconds }) =>
    `${amountInWords(open)} of ${lengthInWords(windowSeconds)}`
  );
  const time = lagMs === undefined
    ? `watermark ${agoInWords(watermarkMs, atMs)}`
    : `event time is ${spanInWords(Math.max(0, lagMs))} behind`;
  const room = outbox.maxRows === undefined ? "" : `, room for ${amountInWords(outbox.maxRows)}`;
  return [
    `WINDOWS  ${open.length === 0 ? "none" : open.join(", ")} open; ${time}`,
    `OUTBOX   ${amount(outbox.rows, "aggregate waits", "aggregates wait")}${room}`,
  ];
}

function foot({ counts, deadLetters }: Glance): string[] {
  const [first, ...others] = counts;
  const events = [first!, ...others.filter(([count]) => count > 0)];
  const reasons = [...deadLetters].filter(([, count]) => count > 0).map(([reason, count]) =>
    `${amountInWords(count)} ${reason}`
  );
  return [
    `EVENTS   ${events.map(([count, what]) => `${amountInWords(count)} ${what}`).join(", ")}`,
    `REFUSED  ${
      reasons.length === 0
        ? "no dead letters"
        : `dead letters: ${printable(reasons.join(", "))}; see dead-letters list`
    }`,
  ];
}
