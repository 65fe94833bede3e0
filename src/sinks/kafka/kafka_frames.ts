import type { FrameRules } from "../../platform/net/frame_gate.ts";
import { beginAnswer } from "./kafka_codecs.ts";
import { SinkError } from "../../contract/sink.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const HEAD_SIZE = 4;
const CORRELATION_ID_SIZE = 4;

/** Numbers of requests in Kafka's protocol. */
const FETCH = 1;
const SASL_HANDSHAKE = 17;
const API_VERSIONS = 18;
const SASL_AUTHENTICATE = 36;

/**
 * The greatest request number of kafkajs. A greater one is not a request number, but the beginning of a token
 * of the old kind of login.
 */
const LAST_REQUEST = 47;

/** SCRAM iterations at most. The client computes each of them twice; Kafka's own tools set 16,384 at most. */
const SCRAM_ITERATIONS_MAX = 1_000_000;

/** Bytes of an answer before the login, at most. */
const LOGIN_MAX_BYTES = 64 * KIB;
/** Bytes of other answers: to a write, the list of the brokers, a topic's partitions. */
const ANSWER_MAX_BYTES = 16 * MIB;
/**
 * Bytes of an answer with records. A broker sends at least one batch, however large: `message.max.bytes` is 1
 * MiB by default.
 */
const RECORDS_MAX_BYTES = 128 * MIB;

/**
 * Lets only expected answers pass: none without a request, and none larger than the requests so far allow. So
 * before the login, answers are small.
 */
export class KafkaFrames implements FrameRules {
  readonly headSize = HEAD_SIZE;
  private maxBytes = LOGIN_MAX_BYTES;
  private unanswered = 0;

  constructor(private readonly address: string) {}

  sizeOf(head: Buffer): number {
    const size = head.readInt32BE(0);
    if (this.unanswered === 0) throw this.error("sends an answer to no request");
    if (size < CORRELATION_ID_SIZE) throw this.error("does not speak Kafka's protocol");
    if (size > this.maxBytes) {
      throw this.error(`announces an answer of ${size} bytes, where at most ${this.maxBytes} can be right`);
    }
    return HEAD_SIZE + size;
  }

  received(frame: Buffer): void {
    this.unanswered--;
    beginAnswer();
    if (this.maxBytes === LOGIN_MAX_BYTES) this.checkIterations(frame.toString("latin1", HEAD_SIZE));
  }

  /**
   * Checks the iterations of a SCRAM challenge. The library computes as many as the broker wants, and accepts
   * the parts in any order.
   */
  private checkIterations(answer: string): void {
    for (const [, iterations] of answer.matchAll(/i=\s*\+?(\d+)/g)) {
      if (Number(iterations) <= SCRAM_ITERATIONS_MAX) continue;
      throw new SinkError(
        "misconfigured",
        `Kafka at ${this.address} asks for ${iterations} iterations of SCRAM, and at most ` +
          `${SCRAM_ITERATIONS_MAX} are computed: set the user's password there anew with fewer`,
      );
    }
  }

  /** The library writes one request at a time. */
  sent(bytes: Uint8Array): void {
    const request = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.unanswered++;
    // Bytes without a request number are a token of the old kind of login.
    const isToken = request.length < HEAD_SIZE + 2;
    if (!isToken) this.maxBytes = Math.max(this.maxBytes, maxBytesOf(request.readInt16BE(HEAD_SIZE)));
  }

  private error(problem: string): SinkError {
    return new SinkError(
      "unavailable",
      `what answers at ${this.address} ${problem}: the connection was ended. Is this a Kafka broker, ` +
        "and the listener for KAFKA_SSL as it is set?",
    );
  }
}

function maxBytesOf(request: number): number {
  if (request > LAST_REQUEST) return LOGIN_MAX_BYTES;
  switch (request) {
    case SASL_HANDSHAKE:
    case API_VERSIONS:
    case SASL_AUTHENTICATE:
      return LOGIN_MAX_BYTES;
    case FETCH:
      return RECORDS_MAX_BYTES;
    default:
      return ANSWER_MAX_BYTES;
  }
}
