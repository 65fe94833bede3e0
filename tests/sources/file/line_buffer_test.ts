import assert from "node:assert/strict";
import { LineBuffer } from "../../../src/sources/file/line_buffer.ts";

function bufferOf(text: string): LineBuffer {
  const buffer = new LineBuffer();
  const bytes = new TextEncoder().encode(text);
  buffer.room().set(bytes);
  buffer.added(bytes.length);
  return buffer;
}

Deno.test("the rest of a line is skipped up to its end, and no further", () => {
  for (
    const [text, left, isEnd] of [
      ["rest\nnext\n", "next\n", true],
      ["\nnext\n", "next\n", true],
      ["rest without an end", "", false],
      ["", "", false],
    ] as const
  ) {
    const buffer = bufferOf(text);
    assert.equal(buffer.skip(), isEnd, text);
    assert.equal(new TextDecoder().decode(buffer.peek()), left, text);
    assert.equal(buffer.at, text.length - left.length);
  }
});
