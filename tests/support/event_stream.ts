/**
 * A small day of a plant: events of every kind that a bus may bring, the same for the same seed. Each comes
 * as the published JSON text together with its meaning, so that the expected result is calculated without
 * parsing.
 */

export interface StreamOptions {
  readonly seed: number;
  readonly eventCount: number;
  readonly nameCount: number;
  /** Start of the first window, Unix ms; a multiple of the window length. */
  readonly baseMs: number;
  readonly windowSizeMs: number;
  readonly windowCount: number;
  /** Events come up to this much early or late. Milliseconds, default 2000. */
  readonly disorderMs?: number;
  /** Default 0.01. */
  readonly invalidShare?: number;
  /** Events that come after their window has closed, within the correction horizon. Default 0.001. */
  readonly lateShare?: number;
  /** Events two days behind, which the default horizon refuses. Default 0.0001. */
  readonly tooLateShare?: number;
  /** Events more than a day after all the others. Default 0.0001. */
  readonly futureShare?: number;
  /** Repetitions of an event that was published shortly before, with the same id. Default 0.001. */
  readonly duplicateShare?: number;
  /** Default `plant`. */
  readonly namePrefix?: string;
  /** Whether the events of some names have labels. Default: they have. */
  readonly isLabelled?: boolean;
  /** Function names, dealt out over the event names. Default: all that there are. */
  readonly functions?: readonly string[];
}

export type EventFate = "aggregated" | "duplicate" | "invalid" | "late" | "future";

export interface StreamEvent {
  /** JSON, as it is published. */
  readonly text: string;
  /** What the handler must make of it. `late`: beyond the horizon, refused. */
  readonly fate: EventFate;
  readonly name: string;
  /** JSON; not there: it has none. */
  readonly labels?: string;
  readonly aggFunc: string;
  readonly value: number;
  /** Event time, rounded to a millisecond as by the handler; Unix ms. */
  readonly timeMs: number;
}

export const ALL_FUNCTIONS: readonly string[] = [
  "sum",
  "avg",
  "min",
  "max",
  "count",
  "first",
  "last",
  "stddev",
  "p50",
  "p99",
  "p99.9",
];

/** An event that is at least this late comes after the lateness of its window, if the window has ended. */
const LATE_MIN_MS = 10_000;
const DAY_MS = 86_400_000;
const DUPLICATES_AMONG_LAST = 500;

/** The base of a stream: the start of a window that ended a while ago by the wall clock. */
export function recentBaseMs(windowSizeMs: number, windowCount: number): number {
  const spanMs = windowSizeMs * (windowCount + 3);
  return Math.floor((Date.now() - spanMs) / windowSizeMs) * windowSizeMs;
}

/** Uniform numbers in [0, 1), the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All events in the order of their publication; the last ones move the watermark past every window. */
export function* eventStream(options: StreamOptions): Generator<StreamEvent> {
  const {
    eventCount,
    baseMs,
    windowSizeMs,
    windowCount,
    disorderMs = 2000,
    invalidShare = 0.01,
    lateShare = 0.001,
    tooLateShare = 0.0001,
    futureShare = 0.0001,
    duplicateShare = 0.001,
    namePrefix = "plant",
    isLabelled = true,
    functions = ALL_FUNCTIONS,
  } = options;
  const random = randomNumbers(options.seed);
  const spanMs = windowSizeMs * windowCount;
  const withIds: StreamEvent[] = [];
  const shares = { invalidShare, lateShare, tooLateShare, futureShare, duplicateShare };
  const sum = Object.values(shares).reduce((a, b) => a + b, 0);
  if (sum >= 1) throw new Error("the shares of a stream leave no room for good events");

  for (let i = 0; i < eventCount; i++) {
    // The first event sets the clock that all the others are late or early by.
    let draw = i === 0 ? 1 : random();
    const dueMs = baseMs + disorderMs + (spanMs - 2 * disorderMs) * (i / eventCount);
    if ((draw -= invalidShare) < 0) {
      yield invalidEvent(random, dueMs);
      continue;
    }
    if ((draw -= duplicateShare) < 0 && withIds.length > 0) {
      yield { ...withIds[Math.floor(random() * withIds.length)]!, fate: "duplicate" };
      continue;
    }
    let timeMs = dueMs + (random() * 2 - 1) * disorderMs;
    let fate: EventFate = "aggregated";
    if ((draw -= lateShare) < 0) {
      timeMs = dueMs - LATE_MIN_MS - random() * 2 * windowSizeMs;
    } else if ((draw -= tooLateShare) < 0) {
      timeMs = dueMs - 2 * DAY_MS - random() * DAY_MS;
      fate = "late";
    } else if ((draw -= futureShare) < 0) {
      timeMs = baseMs + spanMs + DAY_MS * (2 + random());
      fate = "future";
    }
    const nameIndex = Math.floor(random() * options.nameCount);
    // A third of the names is aggregated by two functions, so that name and function are told apart.
    const choice = nameIndex % 3 === 0 && random() < 0.5 ? nameIndex + 1 : nameIndex;
    const aggFunc = functions[choice % functions.length]!;
    const id = fate === "aggregated" && duplicateShare > 0 && random() < 0.05
      ? `${namePrefix}-${options.seed}-${i}`
      : undefined;
    const labels = isLabelled ? eventLabels(nameIndex, i) : undefined;
    const event = goodEvent(random, eventName(namePrefix, nameIndex), labels, aggFunc, timeMs, fate, id);
    if (id !== undefined) {
      withIds.push(event);
      if (withIds.length > DUPLICATES_AMONG_LAST) withIds.shift();
    }
    yield event;
  }
  for (let i = 0; i < 3; i++) {
    const timeMs = baseMs + spanMs + windowSizeMs + i;
    yield goodEvent(random, `${namePrefix}.end`, undefined, "count", timeMs, "aggregated", undefined);
  }
}

/** The publishable text of events: JSON arrays of at most `batchSize` events. */
export function* jsonBatches(texts: Iterable<string>, batchSize: number): Generator<string> {
  let batch: string[] = [];
  for (const text of texts) {
    batch.push(text);
    if (batch.length === batchSize) {
      yield `[${batch.join(",")}]`;
      batch = [];
    }
  }
  if (batch.length > 0) yield `[${batch.join(",")}]`;
}

/** The name of a sensor, mostly as in a plant. Some names need more than ASCII, some need escapes in JSON. */
function eventName(prefix: string, index: number): string {
  if (index % 97 === 13) return `${prefix}.Ofen ${index}.Temperatur °C ‰`;
  if (index % 97 === 14) return `${prefix}."quoted"\\${index}\t`;
  if (index % 97 === 15) return `${prefix}.センサー${index} 🏭`;
  return `${prefix}.line${index % 10}.sensor${index}.temperature`;
}

/**
 * The labels of an event, which some names have. Each of these names is several series, and the order of the
 * labels varies.
 */
function eventLabels(nameIndex: number, i: number): string | undefined {
  const odd: [string, string] = [`"ort" 🏭 \\${nameIndex % 2}`, "größe: {}"];
  const labels: [string, string][] = [["site", "north"], ["line", `${i % 2}`], ["", ""], odd];
  switch (nameIndex % 8) {
    case 1:
      return JSON.stringify(Object.fromEntries(labels.slice(0, 2)));
    case 3:
      return JSON.stringify(Object.fromEntries(i % 3 === 0 ? labels : labels.reverse()));
    case 5:
      return i % 2 === 0 ? "{}" : '{"line":"5"}';
    default:
      return undefined;
  }
}

function goodEvent(
  random: () => number,
  name: string,
  labels: string | undefined,
  aggFunc: string,
  timeMs: number,
  fate: EventFate,
  id: string | undefined,
): StreamEvent {
  const value = someValue(random);
  // Devices write their clocks with more or fewer decimals; the event's time is what is left of it.
  const timestamp = (timeMs / 1000).toFixed([3, 3, 3, 3, 0, 1, 6][Math.floor(random() * 7)]);
  const fields = [
    `"name":${JSON.stringify(name)}`,
    `"value":${random() < 0.01 && value !== 0 ? value.toExponential() : value}`,
    `"timestamp":${timestamp}`,
  ];
  if (aggFunc !== "sum" || random() < 0.5) fields.push(`"agg_func":${JSON.stringify(aggFunc)}`);
  if (id !== undefined) fields.push(`"id":${JSON.stringify(id)}`);
  if (labels !== undefined) fields.push(`"labels":${labels}`);
  const text = random() < 0.02 ? unusualText(random, fields, name) : `{${fields.join(",")}}`;
  const ofLabels = labels === undefined ? {} : { labels };
  return { text, fate, name, ...ofLabels, aggFunc, value, timeMs: Math.round(Number(timestamp) * 1000) };
}

/** The same event in another spelling of JSON. */
function unusualText(random: () => number, fields: string[], name: string): string {
  switch (Math.floor(random() * 4)) {
    case 0:
      return `{${fields.reverse().join(",")}}`;
    case 1:
      return `{ ${fields.join(" ,\n\t").replaceAll('":', '" : ')} }`;
    case 2:
      return `{"unit":{"of":["°C",{"}":"]"}]},${fields.join(",")},"quality":null}`;
    default: {
      const escaped = [...name].map((character) =>
        character.length === 1
          ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
          : JSON.stringify(character).slice(1, -1)
      );
      return `{${[`"n\\u0061me":"${escaped.join("")}"`, ...fields.slice(1)].join(",")}}`;
    }
  }
}

/** Readings of many magnitudes and both signs, some whole, some zero. */
function someValue(random: () => number): number {
  const draw = random();
  if (draw < 0.05) return 0;
  if (draw < 0.2) return Math.floor(random() * 2000) - 1000;
  const magnitude = 10 ** Math.floor(random() * 9 - 3);
  const value = (random() * 2 - 1) * magnitude;
  return draw < 0.9 ? Number(value.toFixed(3)) : value;
}

const GARBAGE: readonly ((name: string, time: string, random: () => number) => string)[] = [
  () => '{"name":null,"value":null,"timestamp":null}',
  (_, time) => `{"name":[],"value":1,"timestamp":${time}}`,
  () => '{"event":"an event"}',
  (_, time) => `{"name":{"name":"n"},"value":1,"timestamp":${time}}`,
  () => "{}",
  (_, time) => `{"value":1,"timestamp":${time}}`,
  (_, time) => `{"name":"","value":1,"timestamp":${time}}`,
  (_, time) => `{"name":7,"value":1,"timestamp":${time}}`,
  (_, time) => `{"name":"${"n".repeat(513)}","value":1,"timestamp":${time}}`,
  (_, time) => `{"name":"with\\u0000nul","value":1,"timestamp":${time}}`,
  (_, time) => `{"name":"half a pair \\ud83d","value":1,"timestamp":${time}}`,
  (name, time) => `{"name":"${name}","timestamp":${time}}`,
  (name, time) => `{"name":"${name}","value":null,"timestamp":${time}}`,
  (name, time) => `{"name":"${name}","value":"12.5","timestamp":${time}}`,
  (name, time) => `{"name":"${name}","value":"NaN","timestamp":${time}}`,
  (name, time) => `{"name":"${name}","value":true,"timestamp":${time}}`,
  (name, time) => `{"name":"${name}","value":1e999,"timestamp":${time}}`,
  (name) => `{"name":"${name}","value":1}`,
  (name) => `{"name":"${name}","value":1,"timestamp":-1}`,
  (name) => `{"name":"${name}","value":1,"timestamp":"2024-01-01T00:00:00Z"}`,
  (name) => `{"name":"${name}","value":1,"timestamp":-1e400}`,
  (name, time) => `{"name":"${name}","value":1,"timestamp":${time},"agg_func":"median"}`,
  (name, time) => `{"name":"${name}","value":1,"timestamp":${time},"agg_func":"p101"}`,
  (name, time) => `{"name":"${name}","value":1,"timestamp":${time},"agg_func":5}`,
  (name, time) => `{"name":"${name}","value":1,"timestamp":${time},"labels":{"a":1}}`,
  (name, time) => `{"name":"${name}","value":1,"timestamp":${time},"labels":{"a":"\\u0000"}}`,
  (name, time) => `{"name":"${name}","value":1,"timestamp":${time},"labels":{"a":"1","a":"1"}}`,
];

function invalidEvent(random: () => number, dueMs: number): StreamEvent {
  const name = "garbage.sensor";
  const garbage = GARBAGE[Math.floor(random() * GARBAGE.length)]!;
  const text = garbage(name, (dueMs / 1000).toFixed(3), random);
  return { text, fate: "invalid", name, aggFunc: "sum", value: NaN, timeMs: dueMs };
}
