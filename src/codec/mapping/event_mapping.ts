import {
  type HoleKind,
  parsePointer,
  parseTemplate,
  type Pointer,
  type Template,
  type TemplateFault,
} from "./template.ts";
import { isTimeUnit, TIME_UNITS, type TimeUnit } from "./time.ts";

export const EVENT_FORMATS = ["json", "value", "influx", "csv", "sparkplug"] as const;
export type EventFormat = typeof EVENT_FORMATS[number];

/** The settings of a mapping as an operator writes them; undefined: not set. */
export interface MappingTexts {
  readonly format?: string | undefined;
  readonly name?: string | undefined;
  readonly value?: string | undefined;
  readonly timestamp?: string | undefined;
  readonly timeUnit?: string | undefined;
  readonly function?: string | undefined;
  readonly id?: string | undefined;
  readonly labels?: string | undefined;
}

/** A label, and what it is filled with: one hole alone may find nothing, and the label is left out then. */
export interface LabelRule {
  readonly label: string;
  readonly template: Template;
}

/** What of a record is what of an event. */
export interface EventMapping {
  readonly format: EventFormat;
  readonly name: Template;
  /** `*`: every number in the record. */
  readonly value: Pointer | "*";
  /** `own`: the one that each record of the format has; `bus`: when the bus got it, else when it arrived. */
  readonly timestamp: Pointer | "own" | "bus";
  readonly timeUnit: TimeUnit;
  readonly function: Pointer | undefined;
  readonly id: Pointer | undefined;
  /** A pointer: to an object of all of them; `tags`: all tags, or group, node and device. */
  readonly labels: readonly LabelRule[] | Pointer | "tags";
}

/** What is wrong with one of the texts. */
export interface MappingFault extends Partial<Pick<TemplateFault, "at">> {
  readonly setting: keyof MappingTexts;
  readonly problem: string;
}

interface FormatRules {
  readonly holes: readonly HoleKind[];
  readonly name: string;
  /** Whether parts of a record can be pointed to. */
  readonly hasPointers: boolean;
  readonly unit: TimeUnit;
}

const OF_BUS = ["topic", "level", "key"] as const;
const RULES: Readonly<Record<EventFormat, FormatRules>> = {
  json: { holes: ["pointer", "path", ...OF_BUS], name: "{/name}", hasPointers: true, unit: "s" },
  csv: { holes: ["pointer", "column", ...OF_BUS], name: "{/name}", hasPointers: true, unit: "s" },
  value: { holes: OF_BUS, name: "{topic}", hasPointers: false, unit: "s" },
  influx: {
    holes: ["measurement", "field", "tag", ...OF_BUS],
    name: "{measurement}.{field}",
    hasPointers: false,
    unit: "ns",
  },
  sparkplug: {
    holes: ["group", "node", "device", "metric", "path", "property", ...OF_BUS],
    name: "{metric}",
    hasPointers: false,
    unit: "ms",
  },
};

/**
 * Compiles the settings of a mapping. Undefined: nothing is set, and records are events of protocol v1 as
 * they are.
 *
 * Each fault names the setting that it is in.
 */
export function compileMapping(
  texts: MappingTexts,
): { readonly ok: EventMapping | undefined } | { readonly faults: readonly MappingFault[] } {
  if (Object.values(texts).every((text) => text === undefined)) return { ok: undefined };
  const { format = "json" } = texts;
  if (!isFormat(format)) {
    return { faults: [{ setting: "format", problem: `is none; there are ${EVENT_FORMATS.join(", ")}` }] };
  }
  const compiler = new MappingCompiler(texts, format);
  const mapping = compiler.compile();
  return compiler.faults.length > 0 ? { faults: compiler.faults } : { ok: mapping };
}

function isFormat(text: string): text is EventFormat {
  return (EVENT_FORMATS as readonly string[]).includes(text);
}

class MappingCompiler {
  readonly faults: MappingFault[] = [];
  private readonly rules: FormatRules;

  constructor(private readonly texts: MappingTexts, private readonly format: EventFormat) {
    this.rules = RULES[format];
  }

  compile(): EventMapping {
    const { texts, rules, format } = this;
    const unit = texts.timeUnit ?? rules.unit;
    if (!isTimeUnit(unit)) this.fault("timeUnit", { problem: `is none; there are ${TIME_UNITS.join(", ")}` });
    else if (format === "influx" && unit === "rfc3339") {
      this.fault("timeUnit", { problem: "is no unit of line protocol, whose times are whole numbers" });
    } else if (format === "sparkplug" && unit !== "ms") {
      this.fault("timeUnit", { problem: "is not ms, the unit of all times of Sparkplug" });
    }
    return {
      format,
      name: this.template("name", texts.name ?? rules.name),
      value: texts.value === "*" ? "*" : this.pointer("value", "/value") ?? "*",
      timestamp: texts.timestamp === "bus" ? "bus" : this.timestamp(),
      timeUnit: isTimeUnit(unit) ? unit : "s",
      function: this.pointer("function", "/agg_func"),
      id: this.pointer("id", "/id"),
      labels: this.labels(),
    };
  }

  private timestamp(): EventMapping["timestamp"] {
    if (this.format === "value") {
      if (this.texts.timestamp !== undefined) this.pointer("timestamp", "");
      return "bus";
    }
    return this.pointer("timestamp", "/timestamp") ?? "own";
  }

  /** Undefined: records of the format have no such part. */
  private pointer(setting: keyof MappingTexts, defaultText: string): Pointer | undefined {
    const text = this.texts[setting];
    if (!this.rules.hasPointers) {
      if (text !== undefined) {
        this.fault(setting, {
          problem: `points into records, and those of the format ${this.format} have no parts`,
          at: 0,
        });
      }
      return undefined;
    }
    const pointer = parsePointer(text ?? defaultText);
    if ("problem" in pointer) return this.fault(setting, pointer);
    if (this.format === "csv" && pointer.tokens.length > 1) {
      return this.fault(setting, {
        problem: "points deeper than to a column, such as /column",
        at: pointer.text.indexOf("/", 1),
      });
    }
    return pointer;
  }

  private template(setting: keyof MappingTexts, text: string, offset = 0): Template {
    const template = parseTemplate(text, this.rules.holes, this.format);
    if (!("problem" in template)) return template;
    this.fault(setting, { ...template, at: template.at + offset });
    return { text, parts: [] };
  }

  private labels(): EventMapping["labels"] {
    const text = this.texts.labels;
    if (text === undefined) {
      if (this.format === "influx" || this.format === "sparkplug") return "tags";
      return this.format === "json" ? DEFAULT_LABELS : [];
    }
    if (text.startsWith("/")) {
      if (this.format === "json") return this.pointer("labels", "") ?? [];
      this.fault("labels", {
        problem: "points to an object of labels, which only the format json has",
        at: 0,
      });
      return [];
    }
    const rules: LabelRule[] = [];
    let at = 0;
    for (const part of text.split(",")) {
      this.label(part, at, rules);
      at += part.length + 1;
    }
    return rules;
  }

  private label(part: string, at: number, rules: LabelRule[]): void {
    const colon = part.indexOf(":");
    const label = part.slice(0, Math.max(0, colon)).trim();
    if (label === "") {
      return void this.fault("labels", {
        problem: "has a part that is not LABEL:/pointer or LABEL:{hole}",
        at,
      });
    }
    if (rules.some((rule) => rule.label === label)) {
      return void this.fault("labels", { problem: `names the label ${label} twice`, at });
    }
    const source = part.slice(colon + 1);
    const start = source.length - source.trimStart().length;
    const text = source.trim();
    const isPointer = text.startsWith("/");
    const template = this.template(
      "labels",
      isPointer ? `{${text}}` : text,
      at + colon + 1 + start - (isPointer ? 1 : 0),
    );
    rules.push({ label, template });
  }

  private fault(setting: keyof MappingTexts, { problem, at }: { problem: string; at?: number }): undefined {
    this.faults.push({ setting, problem, ...(at !== undefined && { at }) });
    return undefined;
  }
}

const DEFAULT_LABELS: Pointer = { text: "/labels", tokens: ["labels"] };
