import { gunzipSync, inflateSync } from "node:zlib";
import { WireReader } from "../protobuf/wire_reader.ts";
import { Metric } from "./metric.ts";

const TIMESTAMP = 1;
const METRICS = 2;
const SEQUENCE = 3;
const UUID = 4;
const BODY = 5;

/** The UUID of a payload whose body is another one, compressed. */
const COMPRESSED = "SPBV1.0_COMPRESSED";
const ALGORITHM = "algorithm";
/** A compressed payload may become as long as this, in bytes. */
export const INFLATED_MAX_BYTES = 4 * 1024 * 1024;
/** Sequence numbers go from 0 to 255 and begin again. */
export const SEQUENCE_LENGTH = 256;
const NO_PROPERTIES: ReadonlySet<string> = new Set();

/** Why a payload cannot be read, for the operator. */
export class UnreadablePayload extends Error {
  override readonly name = "UnreadablePayload";
}

/** The payload of a Sparkplug message, whose metrics are read one by one. */
export class Payload {
  /** Unix ms. */
  timeMs: number | undefined;
  /** Undefined: there is none, or none that there can be. */
  sequence: number | undefined;
  private uuid: string | undefined;
  private body: Uint8Array | undefined;

  private constructor(
    /** What the positions of metrics refer to. */
    readonly bytes: Uint8Array,
  ) {
    const reader = this.reader();
    while (reader.next()) this.readHead(reader);
  }

  /** Reads a payload, a compressed one too. @throws {UnreadablePayload | PushError} */
  static of(bytes: Uint8Array): Payload {
    const outer = new Payload(bytes);
    if (outer.uuid !== COMPRESSED) return outer;
    const inner = new Payload(inflated(outer));
    if (inner.uuid === COMPRESSED) {
      throw new UnreadablePayload("a compressed Sparkplug payload in a compressed one");
    }
    inner.timeMs ??= outer.timeMs;
    inner.sequence ??= outer.sequence;
    return inner;
  }

  /**
   * Fills the metric with each metric of the payload in turn.
   *
   * @param properties Those that are read.
   * @param take Called for each with where it begins, for {@link readMetric}.
   * @throws {PushError}
   */
  eachMetric(metric: Metric, properties: ReadonlySet<string>, take: (at: number) => void): void {
    const reader = this.reader();
    while (reader.next()) {
      if (reader.field !== METRICS) {
        reader.skip();
        continue;
      }
      const at = reader.at;
      const outer = reader.enter();
      metric.read(reader, properties);
      reader.leave(outer);
      take(at);
    }
  }

  /** Fills the metric with the one that begins there. @throws {PushError} */
  readMetric(metric: Metric, properties: ReadonlySet<string>, at: number): void {
    const reader = this.reader();
    reader.enterAt(at);
    metric.read(reader, properties);
  }

  private readHead(reader: WireReader): void {
    switch (reader.field) {
      case TIMESTAMP:
        this.timeMs = reader.uint64();
        break;
      case SEQUENCE: {
        const sequence = reader.uint64();
        this.sequence = sequence < SEQUENCE_LENGTH ? sequence : undefined;
        break;
      }
      case UUID:
        this.uuid = reader.text();
        break;
      case BODY:
        this.body = reader.bytesOf();
        break;
      default:
        reader.skip();
    }
  }

  /** The text of a metric of the payload itself. */
  textOf(name: string): string | undefined {
    const metric = new Metric();
    let text: string | undefined;
    this.eachMetric(metric, NO_PROPERTIES, () => {
      if (metric.name === name && metric.wire?.field === "text") text = metric.wire.value;
    });
    return text;
  }

  get content(): Uint8Array {
    return this.body ?? new Uint8Array();
  }

  private reader(): WireReader {
    return new WireReader(this.bytes, "Sparkplug payload");
  }
}

function inflated(payload: Payload): Uint8Array {
  const algorithm = payload.textOf(ALGORITHM)?.toUpperCase() ?? "DEFLATE";
  const inflate = algorithm === "GZIP" ? gunzipSync : algorithm === "DEFLATE" ? inflateSync : undefined;
  if (inflate === undefined) {
    throw new UnreadablePayload(
      `a Sparkplug payload compressed by ${JSON.stringify(algorithm.slice(0, 20))}; ` +
        "GZIP and DEFLATE are read",
    );
  }
  try {
    return new Uint8Array(inflate(payload.content, { maxOutputLength: INFLATED_MAX_BYTES }));
  } catch (error) {
    const isLong = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new UnreadablePayload(
      isLong
        ? `a compressed Sparkplug payload of more than ${INFLATED_MAX_BYTES} bytes`
        : `a compressed Sparkplug payload that is not ${algorithm}`,
    );
  }
}
