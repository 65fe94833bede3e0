import type { Steps } from "../../platform/clock/steps.ts";
import { BodyError } from "../../platform/http/body.ts";
import { type Answer, type Decoded, type Push, type PushPath, type RecordRun, topicIn } from "./decoder.ts";
import { linesOf } from "./lines.ts";
import { haveTimes, inNanoseconds } from "./nanoseconds.ts";
import type { RecordCheck, RecordFault } from "./record_check.ts";

/** What the two versions of InfluxDB's protocol do not share. */
export interface InfluxDialect {
  /** The parameter that names where lines go: what fills the hole `{topic}`. */
  readonly topic: "db" | "bucket";
  /** Names of the units of time, each with its nanoseconds. */
  readonly units: Readonly<Record<string, number>>;
  /** The status for a sender that may try again later, by its `User-Agent`. */
  laterStatus(agent: string): 429 | 503;
  /** A body that says why a request, or a part of it, was refused. */
  problem(status: number, message: string): unknown;
}

const UNITS = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
const OUTCOMES: Readonly<Record<number, string>> = {
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  413: "request too large",
  415: "invalid",
  422: "unprocessable entity",
  429: "too many requests",
};

/** `POST /write` of InfluxDB 1. */
export const INFLUX_1: InfluxDialect = {
  topic: "db",
  units: { ...UNITS, n: 1, u: 1e3, "µ": 1e3, m: 60e9, h: 3600e9 },
  // Telegraf's output for InfluxDB 1 drops metrics that are answered 4xx, 429 too, and sends others again.
  laterStatus: (agent) => /^telegraf\b/i.test(agent) ? 503 : 429,
  problem: (_status, message) => ({ error: message }),
};

/** `POST /api/v2/write` of InfluxDB 2. */
export const INFLUX_2: InfluxDialect = {
  topic: "bucket",
  units: UNITS,
  laterStatus: () => 429,
  problem: (status, message) => ({ code: OUTCOMES[status] ?? "unavailable", message }),
};

/** Line protocol. */
export class InfluxDecoder implements PushPath {
  readonly isContinued = true;

  constructor(private readonly check: RecordCheck, private readonly dialect: InfluxDialect) {}

  *decode({ body, query, arrivedMs, digest }: Push): Steps<Decoded> {
    const topic = topicIn(query, this.dialect.topic);
    const unit = this.unitOf(query.get("precision"));
    const said = yield* digest();
    const records = yield* inNanoseconds(yield* linesOf(body, true), unit);
    const context = { topic, arrivedMs, busMs: arrivedMs };
    const { runs, faults, faulty } = yield* this.check.check("influx", records, context);
    return {
      runs,
      answer: faulty === 0 ? TAKEN : this.answer(400, partly(faults, faulty)),
      // Devices without a tag of their own may send the same line within a second, and mean two values.
      contents: (yield* this.areTimed(runs)) ? { digest: said, isCertain: false } : undefined,
    };
  }

  /** Whether each of the lines that are kept has a time that counts. */
  private *areTimed(runs: readonly RecordRun[]): Steps<boolean> {
    if (!this.check.readers.takesTimesOfLines) return false;
    for (const [i, { records }] of runs.entries()) {
      if (i > 0) yield 0;
      if (!haveTimes(records)) return false;
    }
    return true;
  }

  refuse(status: number, message: string, headers: Headers): Answer {
    const isLater = status === 429;
    return this.answer(isLater ? this.dialect.laterStatus(headers.get("user-agent") ?? "") : status, message);
  }

  private answer(status: number, message: string): Answer {
    return {
      status,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(this.dialect.problem(status, message)),
    };
  }

  /** @throws {BodyError} */
  private unitOf(precision: string | null): number {
    const { units } = this.dialect;
    if (precision === null || precision === "") return 1;
    if (Object.hasOwn(units, precision)) return units[precision]!;
    throw new BodyError(
      400,
      `precision ${precision.slice(0, 20)} is none; there are ${Object.keys(units).join(", ")}`,
    );
  }
}

const TAKEN: Answer = { status: 204, headers: {}, body: "" };

/** Telegraf knows by the words `partial write` that it must not send the good lines again. */
function partly(faults: readonly RecordFault[], faulty: number): string {
  const reasons = faults.map(({ number, reason }) => `line ${number}: ${reason}`).join("; ");
  const rest = faulty > faults.length ? "; and others" : "";
  return `partial write: unable to parse: ${reasons}${rest}; dropped=${faulty}`;
}
