import type { BusRecord } from "../../codec/bus_records.ts";
import { PacketIds } from "./packet_ids.ts";
import { PUBACK, PUBCOMP, PUBREC } from "./packet_types.ts";
import type { Acknowledgement } from "./packet_writer.ts";
import type { Publication } from "./publication.ts";

/** What the broker has done: see `mqtt_position.ts`. */
interface Step {
  /** Undefined: it is no event, and only acknowledged. */
  readonly message: BusRecord | undefined;
  /** The acknowledgement once the step is on disk; undefined: QoS 0 has none. */
  readonly answer: Acknowledgement | undefined;
  /** Whether the message has QoS 1 and was sent before: nobody can tell whether it was counted then. */
  readonly mayBeRepeated: boolean;
}

/** Steps that were taken from the front of what is there. */
export interface Taken {
  readonly messages: readonly BusRecord[];
  /** Indexes of those messages that may have been counted before. */
  readonly repeated: ReadonlySet<number>;
  /** Number of steps, those without an event included. */
  readonly steps: number;
  /** The packet ids of QoS 2 after these steps. */
  readonly ids: PacketIds;
}

/** What a step takes in memory beside its message. Bytes, roughly. */
const STEP_BYTES = 200;

/**
 * The steps of a session that were received and are not yet acknowledged.
 *
 * Order matters. A step is acknowledged only once a checkpoint has it. So what the broker forgets is on disk.
 * That holds for the release of a packet id of QoS 2 too: the broker may use the id for another message as
 * soon as the release is acknowledged, and a checkpoint that still had the id would take that message for a
 * repetition.
 */
export class InFlight {
  /** Bytes of the steps that were not taken in. */
  bytes = 0;
  /** From the first that was not taken in on. */
  private steps: Step[] = [];
  /** Steps of `steps` that were taken in meanwhile. */
  private gone = 0;
  private first = 0;
  /** The ids of QoS 2 before the first of the steps. */
  private ids = new PacketIds();
  /** Those that earlier connections have left, and that were not released since. */
  private earlierIds = new PacketIds();
  /** Of steps that were taken in and are in no checkpoint yet. */
  private answers: { readonly step: number; readonly answer: Acknowledgement }[] = [];
  /** Packet ids of messages, and of releases, that were received on this connection and are not answered. */
  private readonly unanswered = new Set<number>();
  private readonly unansweredReleases = new Set<number>();
  /** Packet ids of QoS 2 that were received on this connection and not released. */
  private readonly held = new Set<number>();
  private reused: number | undefined;

  /** Steps that were not taken in. */
  get count(): number {
    return this.steps.length - this.gone;
  }

  /** Messages and releases that the broker waits to have acknowledged. */
  get unacknowledged(): number {
    return this.unanswered.size + this.unansweredReleases.size;
  }

  /**
   * A packet id that the broker has used again on this connection before it was free. Whether that is the
   * same message or another one, nobody can tell. So nothing of this connection is taken any more. What came
   * before is still acknowledged, and what the broker then sends on the next connection is clear. Undefined:
   * there is none.
   */
  get reusedId(): number | undefined {
    return this.reused;
  }

  /** Whether a packet id was used again, and all that came before is acknowledged. */
  get isUsedUp(): boolean {
    return this.reused !== undefined && this.count === 0 && this.unacknowledged === 0;
  }

  /**
   * Begins anew, for a new connection: what was not acknowledged comes again. Messages with QoS 0 do not, so
   * those that were not taken in stay.
   *
   * @param step Number of the next step.
   */
  restart(step: number, ids: PacketIds): void {
    const kept = this.steps.slice(this.gone).filter(({ answer }) => answer === undefined);
    this.steps = kept;
    this.gone = 0;
    this.bytes = kept.reduce((sum, { message }) => sum + bytesOf(message), 0);
    this.first = step;
    this.ids = ids.copy();
    this.earlierIds = ids.copy();
    this.answers = [];
    this.unanswered.clear();
    this.unansweredReleases.clear();
    this.held.clear();
    this.reused = undefined;
  }

  /** @param message Undefined: it is no event. */
  receive({ id, isRepeated, qos }: Publication, message: BusRecord | undefined): void {
    if (qos === 0) return this.add({ message, answer: undefined, mayBeRepeated: false });
    if (this.isInUse(id)) this.reused ??= id;
    if (this.reused !== undefined) return;
    this.unanswered.add(id);
    if (qos === 1) return this.add({ message, answer: { type: PUBACK, id }, mayBeRepeated: isRepeated });
    this.held.add(id);
    // A message that is sent for the first time is a new one, whatever had its id before.
    const isKnown = isRepeated && this.earlierIds.has(id);
    const answer = { type: PUBREC, id };
    this.add({ message: isKnown ? undefined : message, answer, mayBeRepeated: false });
  }

  /** The broker has released a packet id of QoS 2. */
  release(id: number): void {
    if (this.reused !== undefined || this.unansweredReleases.has(id)) return;
    this.unansweredReleases.add(id);
    this.held.delete(id);
    this.earlierIds.delete(id);
    this.add({ message: undefined, answer: { type: PUBCOMP, id }, mayBeRepeated: false });
  }

  /** Whether a reader may go on at that step. */
  has(step: number): boolean {
    return step >= this.first && step <= this.first + this.count;
  }

  /** Notes that all steps before this one were taken in. */
  settle(step: number): void {
    for (; this.first < step && this.count > 0; this.first++) {
      const { answer, message } = this.steps[this.gone]!;
      this.bytes -= bytesOf(message);
      this.gone++;
      if (answer === undefined) continue;
      this.answers.push({ step: this.first, answer });
      follow(this.ids, answer);
    }
    // Shortened once more than half of it is gone: that copies the rest, so never more than what is gone.
    if (this.gone * 2 <= this.steps.length) return;
    this.steps = this.steps.slice(this.gone);
    this.gone = 0;
  }

  /** The first messages that were not taken in. Takes nothing away. */
  look(messagesMax: number, bytesMax: number): Taken {
    const messages: BusRecord[] = [];
    const repeated = new Set<number>();
    const ids = this.ids.copy();
    let [steps, bytes] = [0, 0];
    for (; steps < this.count && messages.length < messagesMax && bytes < bytesMax; steps++) {
      const { answer, mayBeRepeated, message } = this.steps[this.gone + steps]!;
      if (message !== undefined && mayBeRepeated) repeated.add(messages.length);
      if (message !== undefined) messages.push(message);
      bytes += bytesOf(message);
      if (answer !== undefined) follow(ids, answer);
    }
    return { messages, repeated, steps, ids };
  }

  /** Takes out the acknowledgements of all steps before this one, in their order. */
  acknowledge(step: number): Acknowledgement[] {
    this.settle(step);
    let count = this.answers.findIndex((one) => one.step >= step);
    if (count < 0) count = this.answers.length;
    const answers = this.answers.splice(0, count).map(({ answer }) => answer);
    for (const { id, type } of answers) {
      (type === PUBCOMP ? this.unansweredReleases : this.unanswered).delete(id);
    }
    return answers;
  }

  private isInUse(id: number): boolean {
    return this.unanswered.has(id) || this.held.has(id) || this.unansweredReleases.has(id);
  }

  private add(step: Step): void {
    this.steps.push(step);
    this.bytes += bytesOf(step.message);
  }
}

function follow(ids: PacketIds, { id, type }: Acknowledgement): void {
  if (type === PUBREC) ids.add(id);
  else if (type === PUBCOMP) ids.delete(id);
}

function bytesOf(message: BusRecord | undefined): number {
  return STEP_BYTES + (message === undefined ? 0 : message.bytes.length + (message.topic?.length ?? 0));
}
