import type { NatsMessage } from "./nats_parser.ts";

/** A message of a stream. */
export class PulledMessage {
  constructor(
    readonly message: NatsMessage,
    /** Its number in the stream. */
    readonly sequence: number,
    /** Its number among those of the consumer: there are no gaps. */
    readonly delivery: number,
    /** How many messages the consumer has left. */
    readonly pending: number,
    /** When the server got it, Unix ns, in digits: of most messages nobody wants to know that exactly. */
    private readonly timeText: string,
  ) {}

  /** When the server got it, Unix ns. */
  get timeNs(): bigint {
    return BigInt(this.timeText);
  }

  /** When the server got it, Unix ms. */
  get timeMs(): number {
    return Number(this.timeText.slice(0, -NS_DIGITS_IN_MS));
  }
}

const PREFIX = "$JS.ACK.";
const NS_DIGITS_IN_MS = 6;
const [NUMBER_MAX_DIGITS, TIME_MAX_DIGITS] = [16, 20];
const [ZERO, NINE] = [0x30, 0x39];

/**
 * A message with what its reply subject says: `$JS.ACK`, then stream, consumer, deliveries, sequence,
 * delivery, time and pending, from newer servers with domain and hash of the account before the stream, and
 * more at the end. Undefined: it is not of a stream. It is read for each message, so without a regular
 * expression.
 */
export function pulledMessage(message: NatsMessage): PulledMessage | undefined {
  const { reply } = message;
  if (reply === undefined || !reply.startsWith(PREFIX)) return undefined;
  let dots = 0;
  for (let at = reply.indexOf("."); at >= 0; at = reply.indexOf(".", at + 1)) dots++;
  if (dots !== 8 && dots < 10) return undefined;
  let start = 0;
  for (let passed = dots === 8 ? 5 : 7; passed > 0; passed--) start = reply.indexOf(".", start) + 1;
  const sequenceEnd = reply.indexOf(".", start);
  const deliveryEnd = reply.indexOf(".", sequenceEnd + 1);
  const timeEnd = reply.indexOf(".", deliveryEnd + 1);
  const next = reply.indexOf(".", timeEnd + 1);
  const pendingEnd = next < 0 ? reply.length : next;
  const sequence = numberIn(reply, start, sequenceEnd);
  const delivery = numberIn(reply, sequenceEnd + 1, deliveryEnd);
  const pending = numberIn(reply, timeEnd + 1, pendingEnd);
  const isTime = areDigits(reply, deliveryEnd + 1, timeEnd, TIME_MAX_DIGITS);
  if (sequence < 0 || delivery < 0 || pending < 0 || !isTime) return undefined;
  return new PulledMessage(message, sequence, delivery, pending, reply.slice(deliveryEnd + 1, timeEnd));
}

/** -1: it is none, or one that is not exact, which would be another one as a position. */
function numberIn(text: string, from: number, to: number): number {
  if (!areDigits(text, from, to, NUMBER_MAX_DIGITS)) return -1;
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + (text.charCodeAt(i) - ZERO);
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

function areDigits(text: string, from: number, to: number, max: number): boolean {
  if (to <= from || to - from > max) return false;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
