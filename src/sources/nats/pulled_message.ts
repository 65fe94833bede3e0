import type { NatsMessage } from "./nats_parser.ts";

/** A message of a stream. */
export interface PulledMessage {
  readonly message: NatsMessage;
  /** Its number in the stream. */
  readonly sequence: number;
  /** Its number among those of the consumer: there are no gaps. */
  readonly delivery: number;
  /** When the server got it, Unix ns. */
  readonly timeNs: bigint;
  /** How many messages the consumer has left. */
  readonly pending: number;
}

const DIGITS = /^\d{1,16}$/;
const TIME = /^\d{1,20}$/;

/**
 * A message with what its reply subject says: `$JS.ACK`, then stream, consumer, deliveries, sequence,
 * delivery, time and pending, from newer servers with domain and account before the stream. Undefined: it is
 * not of a stream.
 */
export function pulledMessage(message: NatsMessage): PulledMessage | undefined {
  const tokens = message.reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || (tokens.length !== 9 && tokens.length < 11)) {
    return undefined;
  }
  const [, sequence, delivery, time, pending] = tokens.slice(tokens.length === 9 ? 4 : 6) as [
    string,
    string,
    string,
    string,
    string,
  ];
  if (![sequence, delivery, pending].every(isNumber) || !TIME.test(time)) return undefined;
  return {
    message,
    sequence: Number(sequence),
    delivery: Number(delivery),
    timeNs: BigInt(time),
    pending: Number(pending),
  };
}

/** A larger one would be another one as a position. */
function isNumber(text: string): boolean {
  return DIGITS.test(text) && Number.isSafeInteger(Number(text));
}
