import assert from "node:assert/strict";
import { EventScanner } from "../../src/codec/event_scanner.ts";
import { JsonBytes } from "../../src/codec/json_bytes.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

/** Space after an event, so that no word reaches beyond the end. */
export const ROOM = " ".repeat(16);
/** Whoever takes a fault for a place finds the end of an event there. */
const BEFORE = "[},";
const batch = new EventBatch();

/** The event that is read in place; undefined: it is left to the slow path. */
export function plain(text: string, room = ROOM) {
  const bytes = Buffer.from(BEFORE + text + room, "latin1");
  batch.reset(bytes);
  batch.reserve();
  batch.total = 5;
  const end = new EventScanner(new JsonBytes(bytes), batch).scanPlain(BEFORE.length);
  if (end < 0) {
    assert.deepEqual([end, batch.count, batch.total], [-1, 0, 5], text);
    return undefined;
  }
  assert.deepEqual([end, batch.count, batch.total], [BEFORE.length + text.length, 1, 5], text);
  const textAt = (start: number, length: number, hash: number) => {
    const [source, at] = start < 0 ? [batch.extra, ~start] : [bytes, start];
    assert.equal(hash, hashBytes(source, at, length), text);
    return Buffer.from(source.subarray(at, at + length)).toString("latin1");
  };
  assert.deepEqual([batch.position[0], batch.rawStart[0], batch.rawEnd[0]], [5, BEFORE.length, end], text);
  const { idHash, idLength, idStart, nameHash, nameLength, nameStart } = batch;
  return {
    name: textAt(nameStart[0]!, nameLength[0]!, nameHash[0]!),
    value: batch.value[0]!,
    timeMs: batch.timeMs[0]!,
    func: batch.functionId[0]!,
    id: idLength[0]! > 0 ? textAt(idStart[0]!, idLength[0]!, idHash[0]!) : undefined,
  };
}
