import { readRecords } from "../../codec/bus_records.ts";
import {
  type Outcome,
  type Partition,
  type Progress,
  type ReadRequest,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { RECEIVE_MAXIMUM } from "./introduction.ts";
import type { MqttOptions } from "./mqtt_options.ts";
import { type MqttPosition, positionText, readPosition } from "./mqtt_position.ts";
import type { MqttSession } from "./mqtt_session.ts";

/** How long a read takes at most: two versions may have to be tried, and each answer takes its time. */
const READ_MAX_MS = 90_000;
/** Bytes that are taken at once. More than a record may have. */
const TAKEN_MAX_BYTES = 16 * 1024 * 1024;
/** `once` ends when nothing has come for that time. */
const QUIET_MS = 1000;
/**
 * Brokers send only so many messages before one of them is acknowledged, and do not say how many. So where at
 * least that many are not acknowledged, and no other has come for that time, the broker is taken to wait.
 */
const WAITING_FROM = 8;
const WAITING_AFTER_MS = 10;

/** The messages of a session, in the order in which the broker sends them. */
export class MqttPartition implements Partition {
  readonly id = "";
  readonly replay = "redelivers-unacknowledged";
  readonly readMaxMs = READ_MAX_MS;
  /** The last position that is on disk. */
  private onDisk: string | undefined;

  constructor(
    private readonly options: MqttOptions,
    private readonly session: MqttSession,
    private readonly context: Pick<SourceContext, "clock" | "logger">,
  ) {}

  async read(
    { position }: Progress,
    into: EventBatch,
    { limit, waitMs }: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { session } = this;
    const from = this.positionOf(position);
    const step = from?.step ?? 0;
    if (session.takeOver()) return this.takenOver(from);
    if (!session.isAt(step)) {
      if (isSettled(from)) return this.connecting(from);
      if (from !== undefined && position !== this.onDisk) return awaitingCommit(position);
      session.assertAlive();
      if (await session.connect(from, signal) === "lost") return this.lost(step);
    }
    session.settle(step);
    await this.waitForStep(waitMs, signal);
    const isBrokerWaiting = await this.isBrokerWaiting(limit, signal);
    if (session.isAt(step)) return this.take(step, into, limit, isBrokerWaiting);
    // Where the reader stops, no other connection is begun.
    if (isSettled(from) && !signal.aborted) return this.connecting(from);
    session.assertAlive();
    return { ...outcomeAt(position), kind: "idle" };
  }

  async committed({ position }: Progress): Promise<void> {
    this.onDisk = position;
    const step = position === undefined ? undefined : readPosition(position)?.step;
    if (step !== undefined) await this.session.committed(step);
  }

  private take(step: number, into: EventBatch, limit: number, isBrokerWaiting: boolean): Outcome {
    const { context: { clock }, options: { endsWhenRead, qos, reader }, session: { inFlight } } = this;
    const startedMs = clock.monotonicMs();
    const { ids, messages, repeated, steps } = inFlight.look(limit, TAKEN_MAX_BYTES);
    readRecords(messages, into, reader);
    // Steps without an event are no end: other messages may wait behind them at the broker.
    const isBeforeOthers = endsWhenRead && messages.length === 0 && steps > 0;
    const awaitsCommit = isBrokerWaiting || isBeforeOthers || inFlight.unacknowledged >= RECEIVE_MAXIMUM;
    return {
      ...outcomeAt(positionText({ qos, step: step + steps, ids, isConnecting: false })),
      kind: messages.length > 0 ? "events" : "idle",
      decodeMs: clock.monotonicMs() - startedMs,
      ...(awaitsCommit && { awaitsCommit }),
      ...(repeated.size > 0 && { mayBeRepeated: (position) => repeated.has(position) }),
    };
  }

  /**
   * That a connection is begun is on disk before it is. Where the handler dies meanwhile, a session that the
   * broker then has may be an empty one, made in the place of the one that it had lost.
   */
  private connecting(from: MqttPosition): Outcome {
    this.session.trust();
    return awaitingCommit(positionText({ ...from, isConnecting: true }));
  }

  private lost(step: number): Outcome {
    const { options: { name, qos }, context: { logger } } = this;
    logger.error(
      "the broker no longer has the session of this handler: what was published while there was none is " +
        "lost, and how much that is nobody knows; it counts as one lost event. Does the broker keep its " +
        "sessions over a restart (Mosquitto: persistence true), and long enough?",
      { bus: name },
    );
    const next = positionText({ qos, step, ids: undefined, isConnecting: false });
    return { kind: "gap", lineage: undefined, offset: undefined, next, lost: 1 };
  }

  /** The session stays, and what it has still comes. */
  private takenOver(from: MqttPosition | undefined): Outcome {
    const { options: { name, qos }, context: { logger } } = this;
    logger.error(
      "another client with the client id of this handler has had its session: what that one has " +
        "acknowledged is lost, and how much that is nobody knows; it counts as one lost event. Does a " +
        "second handler have this INSTANCE_ID?",
      { bus: name },
    );
    const next = positionText(from ?? { qos, step: 0, ids: undefined, isConnecting: false });
    return { kind: "gap", lineage: undefined, offset: undefined, next, lost: 1 };
  }

  /** Waits for the first step that was not taken in. @throws {SourceError} */
  private async waitForStep(waitMs: number, signal: AbortSignal): Promise<void> {
    const { options: { endsWhenRead }, session } = this;
    if (session.inFlight.count > 0) return;
    if (endsWhenRead) await this.arrival(Math.max(waitMs, QUIET_MS), signal);
    else if (waitMs > 0) return await this.arrival(waitMs, signal);
    // A broker under load may need longer than that to send what it has.
    if (session.inFlight.count === 0) await session.ping(signal);
  }

  /** Whether the broker sends no more before it gets acknowledgements. */
  private async isBrokerWaiting(limit: number, signal: AbortSignal): Promise<boolean> {
    const { options: { endsWhenRead }, session: { inFlight } } = this;
    // Before `once` ends, nothing may be left that other messages wait behind.
    const from = endsWhenRead ? 1 : WAITING_FROM;
    if (inFlight.reusedId !== undefined) return true;
    if (inFlight.unacknowledged < from || inFlight.count > limit) return false;
    const { count } = inFlight;
    if (count === 0) return true;
    await this.arrival(WAITING_AFTER_MS, signal);
    return inFlight.count === count;
  }

  private async arrival(maxMs: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const timeUp = this.context.clock.sleep(maxMs, AbortSignal.any([signal, over.signal]));
    await Promise.race([this.session.arrival(), timeUp]);
    over.abort();
  }

  /** Undefined: nothing was read yet. @throws {SourceError} */
  private positionOf(text: string | undefined): MqttPosition | undefined {
    if (text === undefined) return undefined;
    const position = readPosition(text);
    if (position !== undefined) return position;
    throw new SourceError(
      "refused",
      `${this.options.name}: the state says that it was read to ${text}, which is no position of MQTT: was ` +
        "it another bus before? Give this one another URL, or the handler another STATE_DIR",
    );
  }
}

/** Whether the session was seen, and no connection was begun since. */
function isSettled(from: MqttPosition | undefined): from is MqttPosition {
  return from?.ids !== undefined && !from.isConnecting;
}

function awaitingCommit(next: string | undefined): Outcome {
  return { ...outcomeAt(next), kind: "idle", awaitsCommit: true };
}

/** @param next The text of a position. */
function outcomeAt(next: string | undefined) {
  return { lineage: undefined, next, offset: undefined, lost: 0, decodeMs: 0 } as const;
}
