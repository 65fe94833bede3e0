import type { Steps } from "../../platform/clock/steps.ts";
import { mediaType, type Push, type PushAnswer, type PushProtocol } from "../push.ts";
import { PushError } from "../push_error.ts";
import { WireReader } from "../protobuf/wire_reader.ts";
import { decompressInSteps, SnappyExcess, SnappyFault } from "../../platform/compression/snappy_block.ts";
import { type SampleCounts, SampleIntake } from "./sample_intake.ts";
import { readWriteRequest } from "./write_request.ts";
import { readWriteRequestV2 } from "./write_request_v2.ts";

const BODY_MAX_BYTES = 64 * 1024 * 1024;
const MEDIA_TYPE = "application/x-protobuf";
/** Unless it is told otherwise, Prometheus drops what is answered 429. After 503 it sends again. */
const TOO_MANY = 429;
const UNAVAILABLE = 503;
const UNSUPPORTED = 415;
const V1 = "prometheus.WriteRequest";
const V2 = "io.prometheus.write.v2.Request";

/** Prometheus remote write, 1.0 and 2.0. */
export const REMOTE_WRITE: PushProtocol = {
  encoding: "snappy",
  *read(body, contentType) {
    const message = messageOf(contentType);
    const intake = new SampleIntake();
    const reader = new WireReader(yield* uncompressed(body), message);
    yield* message === V2 ? readWriteRequestV2(reader, intake) : readWriteRequest(reader, intake);
    const refused = refusedIn(intake);
    return { runs: intake.events.records(), answer: answerTo(intake, refused), refused } satisfies Push;
  },
  refusal(status, message) {
    // Of what is not read at all, the specification wants no counts.
    const headers = status === UNSUPPORTED ? {} : writtenHeaders({ samples: 0, histograms: 0 });
    return textAnswer(status === TOO_MANY ? UNAVAILABLE : status, message, headers);
  },
};

/** @throws {PushError} */
function* uncompressed(body: Uint8Array): Steps<Uint8Array> {
  try {
    return yield* decompressInSteps(body, BODY_MAX_BYTES);
  } catch (error) {
    if (!(error instanceof SnappyFault)) throw error;
    throw new PushError(error instanceof SnappyExcess ? 413 : 400, `of the body: ${error.message}`);
  }
}

/** The full name of the message. @throws {PushError} */
function messageOf(contentType: string | undefined): string {
  const { type, parameter } = mediaType(contentType);
  const message = parameter("proto") ?? V1;
  if (type === MEDIA_TYPE && (message === V1 || message === V2)) return message;
  throw new PushError(
    415,
    `the Content-Type must be ${MEDIA_TYPE}, with proto=${V1} or proto=${V2} where it says more`,
  );
}

function refusedIn({ received, refusals }: SampleIntake): string | undefined {
  return refusals.count === 0 ? undefined : refusals.text(received.samples + received.histograms, "samples");
}

function answerTo({ accepted }: SampleIntake, refused: string | undefined): PushAnswer {
  const headers = writtenHeaders(accepted);
  if (refused === undefined) return { status: 200, headers, body: new Uint8Array() };
  return textAnswer(400, refused, headers);
}

/** What the specification of version 2 demands of each answer. */
function writtenHeaders({ samples, histograms }: SampleCounts): Record<string, string> {
  return {
    "X-Prometheus-Remote-Write-Samples-Written": String(samples),
    "X-Prometheus-Remote-Write-Histograms-Written": String(histograms),
    "X-Prometheus-Remote-Write-Exemplars-Written": "0",
  };
}

function textAnswer(status: number, message: string, headers: Record<string, string>): PushAnswer {
  return {
    status,
    headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" },
    body: new TextEncoder().encode(`${message}\n`),
  };
}
