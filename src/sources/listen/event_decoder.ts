import { BodyError } from "../../platform/http/body.ts";
import { type RawEvents, splitInSteps } from "../../bus/raw_events.ts";
import { textStart } from "../../codec/byte_order_mark.ts";
import type { Steps } from "../../platform/clock/steps.ts";
import { type Answer, type Decoded, type Push, type PushPath, topicIn } from "./decoder.ts";
import { linesOf } from "./lines.ts";
import type { RecordCheck, RecordFault } from "./record_check.ts";

const OPEN_BRACKET = 0x5b;
const JSON_TYPE = { "content-type": "application/json" };
const TAKEN_TYPE = /^application\/(?:[\w.!#$&^-]+\+json|json|x-ndjson|ndjson|jsonl|x-jsonlines)\s*(?:;|$)/i;

/** `POST /events`: a JSON array of records, or a record of JSON a line. */
export class EventDecoder implements PushPath {
  constructor(private readonly check: RecordCheck) {}

  *decode({ body, query, headers, arrivedMs }: Push): Steps<Decoded> {
    assertType(headers.get("content-type"));
    const topic = topicIn(query, "topic");
    const records = yield* recordsOf(body);
    const context = { topic, arrivedMs, busMs: arrivedMs };
    const { runs, faults, faulty } = yield* this.check.check("json", records, context);
    const taken = runs.reduce((sum, run) => sum + run.records.ends.length, 0);
    return {
      runs,
      answer: (next) =>
        faulty === 0 ? json(202, { next, taken }) : json(400, { ...reasonOf(faults, faulty), next, taken }),
    };
  }

  refuse(status: number, message: string): Answer {
    return json(status, { error: message });
  }
}

/**
 * A page in a browser may send other content types to any address without a preflight request.
 *
 * @throws {BodyError}
 */
function assertType(type: string | null): void {
  if (type === null || TAKEN_TYPE.test(type.trim())) return;
  throw new BodyError(
    415,
    `content-type ${type.slice(0, 60)} is not taken; send content-type: application/json, or ` +
      "application/x-ndjson for an event a line",
  );
}

function recordsOf(body: Uint8Array): Steps<RawEvents> {
  let start = textStart(body);
  while (start < body.length && body[start]! <= 0x20) start++;
  return body[start] === OPEN_BRACKET
    ? splitInSteps(body.subarray(start))
    : linesOf(body.subarray(start), false);
}

function reasonOf(faults: readonly RecordFault[], faulty: number) {
  const [{ number, reason } = { number: 0, reason: "" }] = faults;
  const rest = faulty === 1 ? "" : `, and ${faulty - 1} more`;
  return {
    error: `record ${number}: ${reason}${rest}; all others are taken`,
    refused: faulty,
    reasons: faults,
  };
}

function json(status: number, value: unknown): Answer {
  return { status, headers: JSON_TYPE, body: JSON.stringify(value) };
}
