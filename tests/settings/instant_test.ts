import assert from "node:assert/strict";
import { instantMs } from "../../src/control/instant.ts";
import { instant } from "../../src/settings/value_type.ts";

const EXISTING = [
  ["2028-02-29", "2028-02-29T00:00:00Z"],
  ["2026-12-31T23:30-01:00", "2027-01-01T00:30:00Z"],
  ["2026-03-01T00:30+01:00", "2026-02-28T23:30:00Z"],
  ["2026-04-30T23:59:59.5Z", "2026-04-30T23:59:59.5Z"],
] as const;

const ABSENT = ["2026-02-29", "2026-02-30", "2026-04-31T06:00Z", "2026-06-31T23:30:00+01:00", "2026-13-01"];

Deno.test("a moment is a day of the calendar; one that does not exist is no other day", () => {
  for (const [text, meant] of EXISTING) {
    assert.equal(instant().schema.parse(text), Date.parse(meant), text);
    assert.equal(instantMs(text), Date.parse(meant), text);
  }
  for (const text of ABSENT) {
    assert.match(instant().schema.safeParse(text).error!.message, /does not exist in the calendar/, text);
    assert.equal(instantMs(text), undefined, text);
  }
});
