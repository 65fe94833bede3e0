import { scanReply } from "../../src/codec/reply_scanner.ts";
import type {
  Outcome,
  Partition,
  Progress,
  ReadRequest,
  Source,
  SourceContext,
} from "../../src/contract/source.ts";
import type { EventBatch } from "../../src/event/event_batch.ts";
import { replyOf } from "../contract/toy/parted_bus.ts";

export const READ_MAX_MS = 100;
export const IDLE = { kind: "idle" } as const;

/** What a read comes to: events, or an outcome whose lineage and counts are nothing special. */
export type Answer = readonly unknown[] | { readonly kind: Outcome["kind"]; readonly awaitsCommit?: true };

/** A partition whose reads are answered by the test. */
export class ScriptedPartition implements Partition {
  readonly readMaxMs = READ_MAX_MS;
  readonly requests: ReadRequest[] = [];
  answer: (read: number, signal: AbortSignal, into: EventBatch) => Answer | Promise<Answer> = () => IDLE;
  farewell = (_from: Progress, _signal: AbortSignal): Promise<void> => Promise.resolve();

  constructor(
    readonly id: string,
    readonly replay: Partition["replay"] = "from-position",
    readonly waitsForOthers = false,
  ) {}

  async read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
    this.requests.push(request);
    const answer = await this.answer(this.requests.length, signal, into);
    const step = { lineage: undefined, offset: undefined, lost: 0, decodeMs: 0, doubtful: 0 };
    const at = Number(from.position ?? 0);
    if ("kind" in answer) return { ...step, next: from.position, ...answer } as Outcome;
    scanReply(replyOf(answer.map((each) => JSON.stringify(each))), into);
    return { ...step, kind: "events", next: `${at + answer.length}` };
  }

  committed = () => Promise.resolve();
}

export class ScriptedSource implements Source {
  readonly id = "scripted://bus";

  context: SourceContext | undefined;

  constructor(private readonly partitions: readonly Partition[]) {}

  open(context: SourceContext, _signal: AbortSignal): Promise<readonly Partition[]> {
    this.context = context;
    return Promise.resolve(this.partitions);
  }

  probe = () => Promise.resolve("scripted");
  close = () => Promise.resolve();
}
