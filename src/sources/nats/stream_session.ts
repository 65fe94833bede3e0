import { JetStream, type StreamChoice, type StreamInfo } from "./jetstream.ts";
import { isWhole, mostMissing } from "./missing_messages.ts";
import type { NatsConnection } from "./nats_connection.ts";
import { type NatsPosition, unreadFrom } from "./nats_position.ts";
import type { PulledMessage } from "./pulled_message.ts";
import { StreamConsumer } from "./stream_consumer.ts";

/** More of them are not asked for by their numbers. */
const DELETED_MAX = 50_000;

/** The server has let go of the consumer, as after a restart, or the stream is another one. */
export class ConsumerGone extends Error {}

/** Messages, and where they lead to. */
export interface Found {
  readonly messages: readonly PulledMessage[];
  readonly position: NatsPosition;
  /** Messages that were gone before they were read. */
  readonly lost: number;
}

/** A stream as it is read over one connection. */
export class StreamSession {
  private readonly api: JetStream;
  private consumer: StreamConsumer | undefined;
  /** What the consumer hands over next is behind it. */
  private position: NatsPosition | undefined;
  private info!: StreamInfo;

  /** @param heardTime Gets the server's time, Unix ms. */
  constructor(
    private readonly connection: NatsConnection,
    private readonly choice: StreamChoice,
    private readonly heardTime: (nowMs: number) => void,
  ) {
    this.api = new JetStream(connection, choice);
  }

  get isOpen(): boolean {
    return this.connection.isOpen;
  }

  /** Whether there is a consumer, whose stream was looked at. */
  get isReady(): boolean {
    return this.consumer !== undefined;
  }

  get lineage(): string {
    const { stream, subjects } = this.choice;
    return `nats ${stream} ${this.info.created} ${subjects.join(";")}`;
  }

  /** The number of the first message that there was. */
  get begin(): number {
    return this.info.begin;
  }

  /** The number of the oldest message. */
  get first(): number {
    return this.info.first;
  }

  /**
   * Asks what there is to know of the stream.
   *
   * @param withDeleted Whether also for what is deleted where all subjects are read. Of some it is in any
   * case.
   *
   * @throws {SourceError}
   */
  async look(withDeleted = false): Promise<StreamInfo> {
    const info = await this.api.streamInfo();
    if (info.nowMs !== undefined) this.heardTime(info.nowMs);
    const isListed = info.deletedCount > 0 && info.deletedCount <= DELETED_MAX &&
      (withDeleted || !isWhole(info, this.choice.subjects));
    this.info = isListed ? await this.api.streamInfo(true) : info;
    return this.info;
  }

  /** Where a stream that was not read before is begun: nothing that is gone by then is missed. */
  beginning(startsAtEnd: boolean): NatsPosition {
    const { first, last } = this.info;
    return unreadFrom(startsAtEnd ? last + 1 : first);
  }

  /**
   * Makes the next messages those behind a position. Returns false where the stream has another message
   * there, or ends before it.
   *
   * @throws {SourceError}
   * @throws {ConsumerGone}
   */
  async goTo(position: NatsPosition): Promise<boolean> {
    const { sequence, timeNs } = position;
    if (this.consumer !== undefined && sequence === this.position?.sequence) return true;
    await this.lookAgain();
    if (this.info.last < sequence) return false;
    // What was read last is read again, to see whether it is still the same.
    const isChecked = timeNs !== undefined && sequence >= this.info.first;
    await this.consume({ sequence: Math.max(1, isChecked ? sequence : sequence + 1) });
    this.position = position;
    if (!isChecked) return true;
    const [message] = await this.pull(1, 0);
    if (message?.sequence === sequence) return message.timeNs === timeNs || this.leave();
    // It is gone. A message up to there that is younger than all that were read is of another history.
    if ((await this.endOfKnown(position)).sequence < sequence) return this.leave();
    await this.consume({ sequence: sequence + 1 });
    this.position = position;
    return true;
  }

  /**
   * Whether a stream of another lineage has the message that was read last, at the same number: it was made
   * again as a mirror, or from a backup. Two messages of one nanosecond do not have one number by chance.
   *
   * @throws {SourceError}
   * @throws {ConsumerGone}
   */
  async hasRead({ sequence, timeNs }: NatsPosition): Promise<boolean> {
    if (timeNs === undefined || sequence > this.info.last || sequence < this.info.first) return false;
    await this.consume({ afterNs: timeNs - 1n });
    const [message] = await this.pull(1, 0);
    this.leave();
    return message !== undefined && message.timeNs === timeNs && message.sequence <= sequence;
  }

  /**
   * The end of what is still there of what was read, where {@link goTo} did not find it: the first message
   * that is younger comes next.
   *
   * @throws {SourceError}
   * @throws {ConsumerGone}
   */
  async endOfKnown({ youngestNs }: NatsPosition): Promise<NatsPosition> {
    const end = unreadFrom(this.info.last + 1);
    if (youngestNs === undefined) return end;
    await this.consume({ afterNs: youngestNs });
    const [message] = await this.pull(1, 0);
    return message === undefined ? end : unreadFrom(message.sequence);
  }

  /**
   * The messages that are there, else the first that comes in the time.
   *
   * @throws {SourceError}
   * @throws {ConsumerGone}
   */
  async next(limit: number, waitMs: number): Promise<Found> {
    const from = this.position!;
    let messages = await this.pull(limit, waitMs);
    // Only the stream itself tells what is gone where no message shows it.
    const isInDoubt = this.isInDoubt(from, messages);
    if (messages.length === 0 || !this.isWhole || isInDoubt) await this.lookAgain(isInDoubt);
    // What comes after this look may be unknown to the next consumer, too.
    const end = this.info.last;
    if (messages.length === 0 && end > from.sequence) messages = await this.pullAnew(from, limit);
    const last = messages.at(-1);
    if (last === undefined) return this.passOver(from, end);
    const { sequence, timeNs } = last;
    this.position = { sequence, timeNs, youngestNs: youngestOf(from, messages) };
    return { messages, position: this.position, lost: this.missingBetween(from.sequence, messages) };
  }

  close(): void {
    this.leave();
    this.connection.close();
  }

  private get isWhole(): boolean {
    return isWhole(this.info, this.choice.subjects);
  }

  /** Whether only some subjects are asked for, which may be all that the stream has. */
  private get isChosen(): boolean {
    return this.choice.subjects.length > 0;
  }

  /**
   * Whether numbers are left out that may be of subjects which are not asked for: those that a stream takes
   * may be others than before.
   */
  private isInDoubt(from: NatsPosition, messages: readonly PulledMessage[]): boolean {
    const last = messages.at(-1)?.sequence ?? 0;
    return this.isChosen && last - from.sequence > messages.length;
  }

  /** @throws {ConsumerGone} The stream is another one. */
  private async lookAgain(withDeleted = false): Promise<void> {
    const { lineage } = this;
    await this.look(withDeleted);
    if (this.lineage === lineage) return;
    this.leave();
    throw new ConsumerGone();
  }

  /**
   * Asks a new consumer for what is there. A server tells a consumer of a message only after it has confirmed
   * it, so that the present one may not know it yet. A new one knows all that the stream has.
   */
  private async pullAnew(from: NatsPosition, limit: number): Promise<readonly PulledMessage[]> {
    await this.consume({ sequence: from.sequence + 1 });
    return await this.pull(limit, 0);
  }

  /**
   * Goes on where there was nothing to read: behind what is gone, or of other subjects.
   *
   * @param end The last number when no message was found up to there.
   */
  private passOver(from: NatsPosition, end: number): Found {
    const { info, isWhole } = this;
    const sequence = Math.max(from.sequence, isWhole ? info.first - 1 : end);
    const lost = isWhole ? sequence - from.sequence : mostMissing(info, from.sequence, sequence + 1);
    this.position = { ...from, sequence };
    return { messages: [], position: this.position, lost };
  }

  /** Messages that are gone between those that were read. */
  private missingBetween(from: number, messages: readonly PulledMessage[]): number {
    const { info } = this;
    // Too many to be listed.
    const isEachLost = this.isWhole && (!this.isChosen || info.deletedCount > DELETED_MAX);
    let lost = 0;
    let before = from;
    for (const { sequence } of messages) {
      if (sequence <= before) throw this.connection.garbage("is a message that was read before");
      if (sequence > before + 1) {
        lost += isEachLost ? sequence - before - 1 : mostMissing(info, before, sequence);
      }
      before = sequence;
    }
    return lost;
  }

  /**
   * Makes a consumer. It is of the stream that was looked at before where the stream is still that one
   * afterwards: a stream that is deleted takes its consumers with it.
   *
   * @throws {ConsumerGone} The stream is another one.
   */
  private async consume(start: Parameters<JetStream["createConsumer"]>[0]): Promise<void> {
    this.leave();
    this.consumer = new StreamConsumer(this.connection, this.api, await this.api.createConsumer(start));
    await this.lookAgain();
  }

  private async pull(limit: number, waitMs: number): Promise<readonly PulledMessage[]> {
    const found = await this.consumer!.next(limit, waitMs);
    if (found !== undefined) return found;
    this.leave();
    throw new ConsumerGone();
  }

  /** Lets go of the consumer. */
  private leave(): false {
    this.consumer?.close();
    this.consumer = undefined;
    this.position = undefined;
    return false;
  }
}

function youngestOf(
  { youngestNs }: NatsPosition,
  messages: readonly PulledMessage[],
): bigint | undefined {
  let youngest = youngestNs;
  for (const { timeNs } of messages) if (youngest === undefined || timeNs > youngest) youngest = timeNs;
  return youngest;
}
