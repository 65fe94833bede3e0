import { isSpanContextValid, type SpanContext } from "@opentelemetry/api";

/** The name of the header, property or field that carries one. */
export const TRACEPARENT = "traceparent";

/** A version, the ids of trace and span, and flags; versions after 00 may have more behind. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const TEXT_LENGTH = 55;
/** A longer one is nobody's. */
const TEXT_MAX_LENGTH = 256;

/** The span that a `traceparent` of the W3C names; undefined: the text is none. */
export function parseTraceparent(text: string): SpanContext | undefined {
  if (text.length < TEXT_LENGTH || text.length > TEXT_MAX_LENGTH) return undefined;
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [, version, traceId, spanId, flags, rest] = parts;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  const context = {
    traceId: traceId!,
    spanId: spanId!,
    traceFlags: parseInt(flags!, 16) & 1,
    isRemote: true,
  };
  return isSpanContextValid(context) ? context : undefined;
}

/** A span as a `traceparent`. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 1).toString(16).padStart(2, "0")}`;
}
