import { MessageReader } from "../protobuf/message_schema.ts";
import { lengthField, varintField } from "../protobuf/wire_writer.ts";
import { WireReader } from "../protobuf/wire_reader.ts";
import { mediaType, type Push, type PushAnswer, type PushProtocol } from "../push.ts";
import { PushError } from "../push_error.ts";
import { jsonIn } from "./json_value.ts";
import { MetricPoints } from "./metric_points.ts";
import { EXPORT_REQUEST } from "./metrics_schema.ts";

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";
const REQUEST = "ExportMetricsServiceRequest";
const ENCODER = new TextEncoder();

/** Codes of `google.rpc.Code` for the statuses of HTTP that are answered; others are `UNKNOWN`. */
const CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 429: 8, 503: 14 };
const UNKNOWN = 2;

/** OpenTelemetry's metrics over HTTP, as protobuf and as JSON. */
export const OTLP_METRICS: PushProtocol = {
  *read(body, contentType) {
    const { type } = mediaType(contentType);
    if (type !== PROTOBUF && type !== JSON_TYPE) {
      throw new PushError(415, `the Content-Type must be ${PROTOBUF} or ${JSON_TYPE}`);
    }
    const points = new MetricPoints();
    yield* points.take(
      type === JSON_TYPE
        ? jsonIn(body)
        : new MessageReader(new WireReader(body, REQUEST)).read(EXPORT_REQUEST),
    );
    const { count, refusals } = points;
    const refused = refusals.count === 0 ? undefined : refusals.text(count, "points");
    return { runs: points.events.records(), answer: answerTo(points, type, refused), refused } satisfies Push;
  },
  refusal(status, message, contentType): PushAnswer {
    const code = CODES[status] ?? UNKNOWN;
    return mediaType(contentType).type === JSON_TYPE
      ? jsonAnswer(status, { code, message })
      : protobufAnswer(status, [varintField(1, code), lengthField(2, ENCODER.encode(message))]);
  },
};

/** What is not refused is taken; a client must not send a request again that was taken in part. */
function answerTo({ refusals }: MetricPoints, type: string, refused: string | undefined): PushAnswer {
  if (refused === undefined) return type === JSON_TYPE ? jsonAnswer(200, {}) : protobufAnswer(200, []);
  if (type === JSON_TYPE) {
    return jsonAnswer(200, {
      partialSuccess: { rejectedDataPoints: String(refusals.count), errorMessage: refused },
    });
  }
  const partial = [varintField(1, refusals.count), lengthField(2, ENCODER.encode(refused))];
  return protobufAnswer(200, [lengthField(1, concatenated(partial))]);
}

function jsonAnswer(status: number, value: unknown): PushAnswer {
  return { status, headers: { "Content-Type": JSON_TYPE }, body: ENCODER.encode(JSON.stringify(value)) };
}

function protobufAnswer(status: number, fields: readonly Uint8Array[]): PushAnswer {
  return { status, headers: { "Content-Type": PROTOBUF }, body: concatenated(fields) };
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
