import type { EventBatch } from "../event/event_batch.ts";
import { accumulate } from "./accumulation.ts";
import type { CurrentWindow, CurrentWindows } from "./current_windows.ts";
import type { OpenWindows } from "./open_windows.ts";
import { hasRoomFor } from "./series_room.ts";

/** The series of an event for which several functions are computed: it goes into all of them or into none. */
export class SeriesOfSeveral {
  /** By the order of the functions; -1: there is none. */
  private readonly found: number[] = [];

  /**
   * Takes an event of a batch. Returns false where there is no room for all of its series.
   *
   * @param ids Of the functions.
   * @param taking The windows that take the event, out of `current`.
   */
  take(
    windows: OpenWindows,
    ids: readonly number[],
    current: CurrentWindows,
    taking: readonly CurrentWindow[],
    batch: EventBatch,
    event: number,
    maxSeries: number,
  ): boolean {
    const { found } = this;
    const { series: table } = windows;
    const isInBytes = batch.nameStart[event]! >= 0;
    const bytes = isInBytes ? batch.bytes : batch.extra;
    const start = isInBytes ? batch.nameStart[event]! : ~batch.nameStart[event]!;
    const [length, hash] = [batch.nameLength[event]!, batch.nameHash[event]!];
    const [value, eventMs] = [batch.value[event]!, batch.timeMs[event]!];
    const { all, slots } = current;
    let areOpen = taking === all;
    // Setting a length leaves the compiled code, even where it stays the same. This is done for each event.
    if (found.length !== ids.length) found.length = ids.length;
    for (let i = 0; i < ids.length; i++) {
      const beside = i === 0 ? -1 : table.findBeside(found[i - 1]!, ids[i]!);
      found[i] = beside >= 0 ? beside : table.find(bytes, start, length, hash, ids[i]!);
      areOpen &&= current.findSlots(found[i]!, windows);
    }
    if (!areOpen && !hasRoomFor(windows, taking, found, maxSeries)) return false;
    for (let i = 0; i < ids.length; i++) {
      if (areOpen) current.findSlots(found[i]!, windows);
      else {
        // What was added before it may have moved or forgotten others.
        let series = table.find(bytes, start, length, hash, ids[i]!);
        if (series < 0) series = table.add(bytes, start, length, hash, ids[i]!);
        windows.addSlots(series, taking, slots);
      }
      for (let w = 0; w < taking.length; w++) accumulate(windows, slots[w]!, ids[i]!, value, eventMs);
    }
    return true;
  }
}
