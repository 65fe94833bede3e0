import assert from "node:assert/strict";
import { readEvent } from "../../src/codec/event_check.ts";
import { refusalDetail } from "../../src/ingest/refusal_detail.ts";
import { REFUSAL_KINDS, type RefusalKind, refusalKind } from "../../src/ingest/refusal_kind.ts";

Deno.test("what is wrong with an invalid event has a kind", () => {
  const found: [text: string, kind: RefusalKind][] = [
    ["{", "format"],
    ["[]", "format"],
    ['{"value":1,"timestamp":1}', "name"],
    ['{"name":"a","value":"1","timestamp":1}', "value"],
    ['{"name":"a","value":1,"timestamp":"value"}', "timestamp"],
    ['{"name":"a","value":1,"timestamp":1,"agg_func":"no name"}', "function"],
    ['{"name":"a","value":1,"timestamp":1,"labels":{"a":1}}', "labels"],
    [`{"name":"${"a".repeat(5000)}","value":1,"timestamp":1}`, "name"],
  ];
  for (const [text, kind] of found) {
    const detail = readEvent(text);
    assert.equal(typeof detail, "string", text);
    assert.equal(refusalKind({ reason: "invalid", detail: detail as string }), kind, detail as string);
  }
  assert.equal(refusalKind({ reason: "invalid", detail: "what nobody has thought of" }), "other");
});

Deno.test("a valid event that is refused has the kind of its reason, and another one for a wrong unit", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const detail = (timeMs: number) => refusalDetail("future", timeMs, nowMs, 1);
  assert.equal(refusalKind({ reason: "future", detail: detail(nowMs + 1e7) }), "timestamp");
  assert.equal(refusalKind({ reason: "future", detail: detail(nowMs * 1000) }), "unit");
  assert.equal(refusalKind({ reason: "late", detail: "" }), "timestamp");
  assert.equal(refusalKind({ reason: "overflow", detail: "" }), "series");
  assert.equal(new Set(REFUSAL_KINDS).size, REFUSAL_KINDS.length);
});
