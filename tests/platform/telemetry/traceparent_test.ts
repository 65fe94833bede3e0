import assert from "node:assert/strict";
import { parseTraceparent, traceparentOf } from "../../../src/platform/telemetry/traceparent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

Deno.test("what names a span is read, and written the same", () => {
  const text = `00-${TRACE}-${SPAN}-01`;
  assert.deepEqual(parseTraceparent(text), { traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
  assert.equal(traceparentOf(parseTraceparent(text)!), text);
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-00`)!.traceFlags, 0);
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-ff-what-comes-later`)!.traceFlags, 1);
});

Deno.test("what names none is refused, however hostile it is", () => {
  for (
    const text of [
      "",
      "00",
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE}-${SPAN}-01-more`,
      `ff-${TRACE}-${SPAN}-01`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      ` 00-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01\n`,
      `01-${TRACE}-${SPAN}-01-${"x".repeat(10_000)}`,
      `00-${TRACE}-${SPAN}-g1`,
    ]
  ) {
    assert.equal(parseTraceparent(text), undefined, text);
  }
});
