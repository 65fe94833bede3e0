import type { MappingTexts } from "../../src/codec/mapping/event_mapping.ts";

/** Labels as they are written, and their canonical text; undefined: none, as most events have. */
type Labels = { readonly text: string; readonly canonical: string } | undefined;

/** What is written of an event. */
export interface Fields {
  readonly name: string;
  readonly value: number;
  readonly timeMs: number;
  /** Undefined: it names none. */
  readonly aggFunc: string | undefined;
  readonly id: string | undefined;
  readonly labels: Labels;
  /** Makes the text unique. */
  readonly serial?: string;
  readonly hasUnit: boolean;
}

/** How events are written on the buses of a scenario, and how the handler is told to read them. */
export interface Spelling {
  readonly mapping: MappingTexts;
  /** Whether a record is text that is no JSON, and comes in quotes. */
  readonly isText: boolean;
  /** Whether an event can have an id, and name a function. */
  readonly hasFunctions: boolean;
  readonly labels: readonly [Labels, Labels, Labels];
  write(fields: Fields): string;
  /** Records that are no events. */
  garbled(nowMs: number): readonly string[];
}

const JSON_LABELS = [
  { text: '{"b":"2","a":"1"}', canonical: '{"a":"1","b":"2"}' },
  { text: '{ "ü": "" }', canonical: '{"ü":""}' },
  { text: '{"a":"1","b":"2"}', canonical: '{"a":"1","b":"2"}' },
] as const;

const protocol: Spelling = {
  mapping: {},
  isText: false,
  hasFunctions: true,
  labels: JSON_LABELS,
  write: ({ name, value, timeMs, aggFunc, id, labels, hasUnit, serial }) => {
    const fields = [`"name":"${name}"`, `"value":${value}`, `"timestamp":${(timeMs / 1000).toFixed(3)}`];
    if (aggFunc !== undefined) fields.push(`"agg_func":"${aggFunc}"`);
    if (id !== undefined) fields.push(`"id":"${id}"`);
    if (labels !== undefined) fields.push(`"labels":${labels.text}`);
    if (hasUnit) fields.push(`"unit":"°C"`);
    if (serial !== undefined) fields.push(`"serial":"${serial}"`);
    return `{${fields.join(",")}}`;
  },
  garbled: (nowMs) => [
    "null",
    "[]",
    `{"name":"","value":1,"timestamp":${nowMs / 1000}}`,
    `{"name":"n0","value":"1","timestamp":${nowMs / 1000}}`,
    `{"name":"n0","value":1e999,"timestamp":${nowMs / 1000}}`,
    `{"name":"n0","value":1,"timestamp":-1}`,
    `{"name":"n0","value":1,"timestamp":${nowMs / 1000},"agg_func":"median"}`,
    `{"name":"n0","value":1,"timestamp":${nowMs / 1000},"labels":{"a":1}}`,
  ],
};

/** Names in two parts, the second of which may be a number; values in quotes; times in milliseconds. */
const nested: Spelling = {
  mapping: {
    name: "{/m/kind}{/m/number}",
    value: "/reading/v",
    timestamp: "/reading/ms",
    timeUnit: "ms",
    function: "/fn",
    id: "/key",
    labels: "b:/tags/b,a:{/tags/a},u:/tags/ü",
  },
  isText: false,
  hasFunctions: true,
  labels: [JSON_LABELS[0], { ...JSON_LABELS[1], canonical: '{"u":""}' }, JSON_LABELS[2]],
  write: ({ name, value, timeMs, aggFunc, id, labels, hasUnit, serial }) => {
    const number = /\d*$/.exec(name)![0];
    const kind = name.slice(0, name.length - number.length);
    const v = Math.round(timeMs) % 5 === 0 ? `"${value}"` : `${value}`;
    const fields = [
      `"m":{"kind":"${kind}","number":${number || '""'}}`,
      `"reading":{"v":${v},"ms":${timeMs}}`,
    ];
    if (aggFunc !== undefined) fields.push(`"fn":"${aggFunc}"`);
    if (id !== undefined) fields.push(`"key":"${id}"`);
    if (labels !== undefined) fields.push(`"tags":${labels.text}`);
    if (hasUnit) fields.push(`"unit":"°C"`);
    if (serial !== undefined) fields.push(`"serial":"${serial}"`);
    return `{${fields.join(",")}}`;
  },
  garbled: (nowMs) => [
    "null",
    "[]",
    `{"m":{"kind":"","number":""},"reading":{"v":1,"ms":${nowMs}}}`,
    `{"m":{"kind":"n","number":0},"reading":{"v":"1,5","ms":${nowMs}}}`,
    `{"m":{"kind":"n","number":0},"reading":{"v":1e999,"ms":${nowMs}}}`,
    `{"m":{"kind":"n","number":0},"reading":{"v":1,"ms":-1}}`,
    `{"m":{"kind":"n","number":0},"reading":{"v":1,"ms":${nowMs}},"fn":"median"}`,
    `{"m":{"kind":"n","number":[0]},"reading":{"v":1,"ms":${nowMs}}}`,
  ],
};

/** The last character of a name is a field; times in nanoseconds. */
const lines: Spelling = {
  mapping: { format: "influx", name: "{measurement}{field}", labels: "a:{tag:a},b:{tag:b},ü:{tag:ü}" },
  isText: true,
  hasFunctions: false,
  labels: [
    { text: ",b=2,a=1", canonical: '{"a":"1","b":"2"}' },
    { text: ",ü=\\ ", canonical: '{"ü":" "}' },
    { text: ",a=1,b=2", canonical: '{"a":"1","b":"2"}' },
  ],
  write: ({ name, value, timeMs, labels, hasUnit, serial }) => {
    const tags = (hasUnit ? ",unit=°C" : "") + (serial === undefined ? "" : `,serial=${serial}`);
    return `${name.slice(0, -1)}${labels?.text ?? ""}${tags} ${name.slice(-1)}=${value} ${timeMs}000000`;
  },
  garbled: (nowMs) => [
    "n",
    `n 0=abc ${nowMs}000000`,
    `n 0=1e999 ${nowMs}000000`,
    `n 0=NaN ${nowMs}000000`,
    `n 0="text" ${nowMs}000000`,
    `n 0=1 -1`,
    `n 0=1 ${nowMs}.5`,
    `n,a= 0=1 ${nowMs}000000`,
  ],
};

/** CSV: each record has its own header, and columns only for what its event has. */
const rows: Spelling = {
  mapping: {
    format: "csv",
    name: "{/name}",
    value: "/value",
    timestamp: "/ms",
    timeUnit: "ms",
    function: "/fn",
    id: "/key",
    labels: "a:{/a},b:{/b},ü:{/ü}",
  },
  isText: true,
  hasFunctions: true,
  labels: [
    { text: "b;a|2;1", canonical: '{"a":"1","b":"2"}' },
    { text: 'ü|"x;""y"', canonical: '{"ü":"x;\\"y"}' },
    { text: "a;b|1;2", canonical: '{"a":"1","b":"2"}' },
  ],
  write: ({ name, value, timeMs, aggFunc, id, labels, serial }) => {
    const cells = [["name", name], ["ms", `${timeMs}`], ["value", `${value}`]];
    if (aggFunc !== undefined) cells.push(["fn", aggFunc]);
    if (id !== undefined) cells.push(["key", id]);
    if (labels !== undefined) cells.push(labels.text.split("|"));
    // A dead letter keeps no columns that mean nothing.
    if (serial !== undefined) cells.push(["key", `serial${serial}`]);
    return [0, 1].map((row) => cells.map((cell) => cell[row]).join(";")).join("\n");
  },
  garbled: (nowMs) => [
    `name;value;ms\n;1;${nowMs}`,
    `name;value;ms\nn0;abc;${nowMs}`,
    `name;value;ms\nn0;1,5;${nowMs}`,
    `name;value;ms\nn0;1e999;${nowMs}`,
    `name;value;ms\nn0;1;-1`,
    `name;value;ms;fn\nn0;1;${nowMs};median`,
    `name;ms\nn0;${nowMs}`,
    `name;value;ms\nn0;1`,
    `name;value;ms\n"n0;1;${nowMs}`,
  ],
};

export const SPELLINGS = { protocol, nested, lines, rows } as const;
