import assert from "node:assert/strict";
import { createLogger } from "../../../src/platform/log/logger.ts";
import { oneLine, printable, printableLines } from "../../../src/platform/log/printable.ts";
import { SinkError } from "../../../src/contract/sink.ts";
import fc from "../../support/fast_check.ts";

/** Characters that control a terminal, reverse text or begin a line. */
// deno-lint-ignore no-control-regex
const STEERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
const SEED = 20_251_126;
const anyText = fc.string({ unit: "binary", maxLength: 40 });

Deno.test("nothing that steers a terminal comes through, and no line is begun from outside", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      assert.doesNotMatch(printable(text), STEERS);
      assert.doesNotMatch(printable(text), /[\n\t]/);
      assert.doesNotMatch(printableLines(text), STEERS);
      assert.equal(printableLines(text).split("\n").length, text.split("\n").length);
      assert.equal(printable(printable(text)), printable(text));
    }),
    { seed: SEED },
  );
});

Deno.test("JSON stays the same JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), anyText, (value, text) => {
      const whole = { value, text, [text]: "\u009b31m\u202e\u{1f600}\u{e0001}" };
      for (const indent of [undefined, 2]) {
        assert.deepEqual(
          JSON.parse(printableLines(JSON.stringify(whole, undefined, indent))),
          JSON.parse(JSON.stringify(whole)),
        );
      }
    }),
    { seed: SEED },
  );
});

Deno.test("a log line is one line, whatever is told in it", () => {
  for (const format of ["text", "json"] as const) {
    const lines: string[] = [];
    const logger = createLogger({ level: "info", format, write: (line) => lines.push(line), now: () => 0 });
    logger.warn("the bus said \n2026-01-01 ERROR forged", { log: "a\u001b[2J\u009b\u202eb", name: "x\ny" });
    const line = printableLines(lines[0]!);
    assert.equal(line.split("\n").length, 1);
    assert.doesNotMatch(line, STEERS);
  }
});

Deno.test("what others say in an error stays on its line, and is cut", () => {
  const { message } = new SinkError(
    "unavailable",
    `refused: a\r\n  ok      sink kafka\u2028${"x".repeat(100_000)}`,
  );
  assert.ok(message.length < 5000);
  assert.match(message, /^refused: a ok {6}sink kafka x+… \(\d+ more characters\)$/);
  assert.equal(oneLine("short"), "short");
});
