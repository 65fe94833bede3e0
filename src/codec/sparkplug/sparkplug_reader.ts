import type { EventBatch } from "../../event/event_batch.ts";
import type { EventMapping } from "../mapping/event_mapping.ts";
import type { RecordContext } from "../mapping/reading.ts";
import { RecordEvents } from "../mapping/record_events.ts";
import { PushError } from "../push_error.ts";
import { MessageLife, type SequenceBooks } from "./message_life.ts";
import { Metric } from "./metric.ts";
import { type PropertyNames, propertyNames } from "./metric_properties.ts";
import { MetricEvents } from "./metric_events.ts";
import { MetricRecords } from "./metric_records.ts";
import { NodeSessions } from "./node_sessions.ts";
import { Payload, UnreadablePayload } from "./payload.ts";
import { parseTopic, type SparkplugTopic } from "./topic.ts";

/**
 * Metrics of one message that become events. A birth of 1 MiB seldom has more, while one that is made for it
 * would have ten times as many, each with memory of its own.
 */
const EVENTS_MAX = 20_000;
const MS_PER_SECOND = 1000;

/** A message whose content a birth certificate is. */
export interface BirthMessage {
  readonly topic: string;
  readonly bytes: Uint8Array;
}

/**
 * Makes events of Sparkplug B messages in the order in which a broker sends them. What a message means hangs
 * on those before it: {@link sessions} is what is remembered of them.
 */
export class SparkplugReader {
  readonly sessions = new NodeSessions();
  readonly properties: PropertyNames;
  /** The messages of certificates that were taken since {@link forgetBirths}, by their digests. */
  readonly births = new Map<string, BirthMessage>();
  /** Messages that were read, of whatever kind. */
  messages = 0;
  private readonly life: MessageLife;
  private readonly events = new RecordEvents(EVENTS_MAX);
  private readonly metric = new Metric();
  private readonly records: MetricRecords;
  private readonly metrics: MetricEvents;

  /** @param wantRebirth Told of each node whose birth certificate is needed again; often for the same one. */
  constructor(
    readonly mapping: EventMapping,
    private readonly wantRebirth: (group: string, node: string) => void,
  ) {
    this.properties = propertyNames(mapping);
    this.life = new MessageLife(this.sessions, this.properties, wantRebirth);
    this.records = new MetricRecords(this.properties);
    this.metrics = new MetricEvents(mapping);
  }

  /** What was seen of sequence numbers since the start. */
  get books(): SequenceBooks {
    return this.life.books;
  }

  /** Call it before the first message is added to an emptied batch. */
  begin(batch: EventBatch): void {
    batch.isMapped = true;
    batch.unitsPerSecond = MS_PER_SECOND;
  }

  /** Tells that the messages of new certificates are stored. */
  forgetBirths(): void {
    this.births.clear();
  }

  /** As {@link RecordReader.readPlain}: no message is plain. */
  readPlain(): number {
    return -1;
  }

  /**
   * Adds the events of a message to a batch: those of its numeric metrics, and refusals. It may have none.
   *
   * @param start Start of the message in the batch's bytes.
   */
  read(batch: EventBatch, start: number, end: number, context: RecordContext): void {
    const { events } = this;
    this.messages++;
    events.begin(batch, batch.total++, start, end);
    const topic = parseTopic(context.topic);
    if (typeof topic === "string") events.refuse(topic);
    else if (topic === undefined) batch.surplus--;
    else this.readMessage(topic, batch.bytes.subarray(start, end), context);
  }

  private readMessage(topic: SparkplugTopic, bytes: Uint8Array, context: RecordContext): void {
    const { events, life, sessions } = this;
    const before = sessions.get(topic.group, topic.node);
    const { books } = life;
    try {
      this.take(topic, bytes, context);
    } catch (error) {
      if (!(error instanceof PushError || error instanceof UnreadablePayload)) throw error;
      events.undo();
      sessions.set(topic.group, topic.node, before);
      life.books = books;
      return events.refuse(error.message);
    }
    if (events.count === 0) events.batch.surplus--;
    else events.finish();
  }

  private take(topic: SparkplugTopic, bytes: Uint8Array, context: RecordContext): void {
    const { events, metric, records } = this;
    const payload = Payload.of(bytes);
    const held = this.life.take(topic, bytes, payload);
    const isBirth = topic.type === "NBIRTH" || topic.type === "DBIRTH";
    if (isBirth) {
      this.births.set(held!.certificate.digest, { topic: context.topic!, bytes: bytes.slice() });
    }
    if (topic.type === "NDEATH" || topic.type === "DDEATH") return;
    events.wholeIs(() => records.textOfAll(topic, payload, held));
    let mayFollow = true;
    payload.eachMetric(metric, this.properties.read, (at) => {
      if (!mayFollow) return;
      const resolved = records.resolve(topic, payload, metric, held);
      if (resolved === undefined) return;
      if (resolved.isBirthWanted) this.wantRebirth(topic.group, topic.node);
      const event = this.metrics.eventOf(resolved, context);
      mayFollow = events.take({ event, alone: () => records.textAt(topic, payload, at, held) });
    });
  }
}
