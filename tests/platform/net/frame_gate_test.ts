import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { FrameCutter, type FrameRules } from "../../../src/platform/net/frame_gate.ts";
import { SinkError } from "../../../src/contract/sink.ts";
import fc from "../../support/fast_check.ts";

const HEAD_SIZE = 4;
const MAX_BYTES = 1000;

/** A length of four bytes, and as many bytes. */
class Lengths implements FrameRules {
  readonly headSize = HEAD_SIZE;
  readonly frames: Buffer[] = [];

  sizeOf(head: Buffer): number {
    const size = HEAD_SIZE + head.readUInt32BE(0);
    if (size > MAX_BYTES) throw new SinkError("unavailable", "too large");
    return size;
  }

  received(frame: Buffer): void {
    this.frames.push(Buffer.from(frame));
  }

  sent(): void {}
}

function frameOf(content: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_SIZE);
  head.writeUInt32BE(content.length);
  return Buffer.concat([head, content]);
}

Deno.test("frames come out whole and in order, however the network cuts them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 }),
      (contents, cuts) => {
        const frames = contents.map(frameOf);
        const stream = Buffer.concat(frames);
        const rules = new Lengths();
        const cutter = new FrameCutter(rules);
        const passed: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = at + cuts[turn % cuts.length]!;
          const whole = cutter.take(Buffer.from(stream.subarray(at, end)));
          if (whole !== undefined) passed.push(whole);
          at = end;
        }
        assert.deepEqual(Buffer.concat(passed), stream);
        assert.deepEqual(rules.frames, frames);
      },
    ),
    { seed: 20_251_126 },
  );
});

Deno.test("a frame that is too large is refused by its head, before its bytes are there", () => {
  const cutter = new FrameCutter(new Lengths());
  const right = frameOf(new Uint8Array(10));
  assert.deepEqual(cutter.take(right), right);
  assert.equal(cutter.take(Buffer.from([0x7f, 0xff, 0xff])), undefined);
  assert.throws(() => cutter.take(Buffer.from([0xff])), SinkError);
});
