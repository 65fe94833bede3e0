import { type SourceContext, SourceError, type Withheld } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { isOwn, ownerOf, shareInWords, type ShareNumber } from "../../settings/share.ts";
import type { GroupOffsets } from "./group_offsets.ts";
import { nextStep, type Step } from "./hand_over.ts";
import { type Beginning, type Found, type HandOverRecord, metadataOf, offsetOf } from "./hand_over_record.ts";
import { type Holding, readHolding } from "./holding.ts";
import type { TopicPartition } from "./offset_requests.ts";

/** After so long what the group has is written again, since it forgets what nobody writes. */
const RENEWAL_MS = 3_600_000;

/** How this instance has a partition that it reads. */
export interface Tenure {
  readonly epoch: number;
  /** Where it begins in this epoch; undefined: the state says it. */
  readonly from: number | Beginning | undefined;
  /** Where the first of all instances began; undefined: this one is it, or it is not known. */
  readonly begun: number | undefined;
  /** The id of the topic that `from` belongs to; left out: it is not known. */
  readonly topicId?: string;
  /** The epoch of the leader that has written the record before `from`; left out: it is not known. */
  readonly leaderEpoch?: number;
  /** The instance that it must be given to, unread from now on; undefined: it is read. */
  readonly giveTo: ShareNumber | undefined;
}

export interface ShareOptions {
  /** The URL without credentials. */
  readonly bus: string;
  /** `INSTANCE_ID` */
  readonly instance: string;
  readonly share: ShareNumber;
  readonly takesOver: boolean;
  /** Where it begins what nobody has read. A partition that is added later begins at its oldest record. */
  readonly beginning: Beginning;
}

/** Decides which partitions this instance reads, and hands them over: see {@link nextStep}. */
export class PartitionShares {
  /** What is on disk of each partition, by its id. */
  private readonly holdings = new Map<string, Holding>();
  private readonly tenures = new Map<string, Tenure>();
  /** What the log has last said of each partition. */
  private readonly told = new Map<string, string | undefined>();
  /** The partitions that were there at the first look; undefined: there was none yet. */
  private first: ReadonlySet<string> | undefined;
  /** What this instance took only to give it on, and nobody has read since. */
  private readonly passedOn = new Map<string, { readonly epoch: number; why?: string }>();
  private writtenAtMs = -Infinity;
  private hasWarned = false;
  private wake = () => {};

  constructor(
    private readonly options: ShareOptions,
    private readonly context: Pick<SourceContext, "resume" | "withheld" | "logger">,
    private readonly offsets: GroupOffsets,
    private readonly clock: Clock,
  ) {
    for (const [id, position] of context.resume) {
      const holding = readHolding(position);
      if (holding !== undefined) this.holdings.set(id, holding);
    }
  }

  /** Undefined: this instance does not read the partition, or not yet. */
  tenureOf(of: TopicPartition): Tenure | undefined {
    return this.tenures.get(idOf(of));
  }

  /** How many of the partitions the count gives to this instance. */
  ownAmong(partitions: readonly TopicPartition[]): number {
    return partitions.filter(({ partition }) => isOwn(partition, this.options.share)).length;
  }

  /** Tells what is on disk of a partition. */
  committed(of: TopicPartition, holding: Holding): void {
    this.holdings.set(idOf(of), holding);
    if (holding.givenTo !== undefined) this.wake();
  }

  /** Waits for the time of the next look, or until something was given away. */
  async rest(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.wake = () => woken.abort();
    await this.clock.sleep(ms, AbortSignal.any([signal, woken.signal]));
  }

  /**
   * Reads what the group has of the partitions, settles what this instance does about each, and tells the
   * group. Returns whether other partitions are to be read now.
   *
   * @throws {SourceError}
   */
  async look(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<boolean> {
    const found = await this.offsets.fetch(partitions, signal);
    this.first ??= new Set(partitions.map(idOf));
    const nowMs = this.clock.monotonicMs();
    const mustRenew = nowMs - this.writtenAtMs >= RENEWAL_MS;
    let hasChanged = false;
    const withheld = new Map<string, Withheld>();
    const records = partitions.flatMap((of, i) => {
      const before = this.tenures.has(idOf(of));
      const step = this.stepFor(of, found[i]);
      const why = this.disputeAbout(of, step, found[i]);
      if (why !== undefined) withheld.set(idOf(of), { kind: "wait", why });
      else if (isOwn(of.partition, this.options.share) && isWithheld(step)) withheld.set(idOf(of), step);
      const record = this.settle(of, step, found[i], mustRenew);
      hasChanged ||= this.tenures.has(idOf(of)) !== before;
      return record === undefined ? [] : [{ ...of, offset: offsetOf(record), metadata: metadataOf(record) }];
    });
    this.context.withheld(withheld);
    if (records.length > 0) await this.offsets.commit(records, signal);
    if (mustRenew) this.writtenAtMs = nowMs;
    this.hasWarned = false;
    return hasChanged;
  }

  /** The same; a failure goes into the log, once. */
  async tryToLook(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<boolean> {
    try {
      return await this.look(partitions, signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (!this.hasWarned && !signal.aborted) {
        this.context.logger.warn(`no partition can be handed over now: ${error.message}`, {
          bus: this.options.bus,
        });
      }
      this.hasWarned = true;
      return false;
    }
  }

  private stepFor(of: TopicPartition, found: Found): Step {
    const own = this.holdings.get(idOf(of));
    const { instance, share, takesOver } = this.options;
    const beginning = this.first!.has(idOf(of)) ? this.options.beginning : "oldest";
    return nextStep({ partition: of.partition, instance, share, own, found, takesOver, beginning });
  }

  /**
   * Why a partition goes back and forth, and nobody reads it: instances were started with different counts.
   * Each takes it to give it to whom it believes to be the owner. Once is part of every change of the number.
   */
  private disputeAbout(of: TopicPartition, step: Step, found: Found): string | undefined {
    const id = idOf(of);
    if (found === undefined || !("epoch" in found) || found.givenTo === undefined) {
      this.passedOn.delete(id);
      return undefined;
    }
    const { share } = this.options;
    const known = this.passedOn.get(id);
    if (step.kind === "take" && !isOwn(of.partition, share)) {
      if (known === undefined) this.passedOn.set(id, { epoch: step.epoch });
      else if (step.epoch > known.epoch && known.why === undefined) {
        const owner = shareInWords(ownerOf(of.partition, share.count));
        known.why = `${found.by} gives it to ${shareInWords(found.givenTo)}, and here it belongs to ` +
          `${owner}: start all instances with the same INSTANCE_COUNT`;
        this.context.logger.warn(`nobody reads this partition: ${known.why}`, {
          bus: this.options.bus,
          partition: id,
        });
      }
    }
    return known?.why;
  }

  /** What the group must be told of a partition; undefined: nothing. */
  private settle(
    of: TopicPartition,
    step: Step,
    found: Found,
    mustRenew: boolean,
  ): HandOverRecord | undefined {
    const id = idOf(of);
    const own = this.holdings.get(id);
    const { instance, share } = this.options;
    this.tell(id, step);
    switch (step.kind) {
      case "read":
      case "give": {
        const giveTo = step.kind === "give" ? step.to : undefined;
        this.tenures.set(id, { epoch: own!.epoch, from: undefined, begun: own!.begun, giveTo });
        const { begun, epoch, offset: from } = own!;
        const record = { epoch, by: instance, from, begun, givenTo: undefined };
        return mustRenew || !isSame(record, found) ? record : undefined;
      }
      case "take": {
        const giveTo = isOwn(of.partition, share) ? undefined : ownerOf(of.partition, share.count);
        const { kind: _kind, ...beginning } = step;
        this.tenures.set(id, { ...beginning, giveTo });
        return undefined;
      }
      case "wait":
        this.tenures.delete(id);
        return step.say;
      case "lost":
        this.tenures.delete(id);
        return undefined;
    }
  }

  private tell(id: string, step: Step): void {
    const text = textOf(step);
    if (this.told.get(id) === text) return;
    this.told.set(id, text);
    if (text === undefined) return;
    const fields = { bus: this.options.bus, partition: id };
    if (step.kind === "lost") {
      this.context.logger.error(
        `another instance reads this partition: ${text}. Nothing more is read of it here; verify --fleet ` +
          "says which events are counted twice, or by nobody",
        fields,
      );
    } else this.context.logger.info(text, fields);
  }
}

function isWithheld(step: Step): step is Step & Withheld {
  return (step.kind === "wait" || step.kind === "lost") && step.why !== undefined;
}

function textOf(step: Step): string | undefined {
  switch (step.kind) {
    case "read":
      return undefined;
    case "give":
      return `the partition is given to ${shareInWords(step.to)}`;
    case "take":
      return `the partition is read here from now on, from ${step.from} on` +
        (typeof step.from === "number" ? "; ids of events that others have read are not known here" : "");
    case "wait":
      return step.why === undefined ? undefined : `the partition is waited for: ${step.why}`;
    case "lost":
      return step.why;
  }
}

function isSame({ by, epoch, from }: HandOverRecord, found: Found): boolean {
  return found !== undefined && "epoch" in found && found.by === by && found.epoch === epoch &&
    found.from === from && found.givenTo === undefined;
}

function idOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
