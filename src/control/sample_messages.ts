import type { RecordReader } from "../codec/mapping/record_reader.ts";
import { SparkplugReader } from "../codec/sparkplug/sparkplug_reader.ts";
import type { EventBatch } from "../event/event_batch.ts";

/** A topic and a payload in hexadecimal, as `mosquitto_sub -F '%t %x'` prints a message. */
const MESSAGE = /^(\S.*?) ((?:[0-9a-f]{2})*)$/i;
const DECODER = new TextDecoder();

/** Reads the messages of a sample of Sparkplug in their order, since births name what comes after them. */
export class SampleMessages {
  private readonly messages: SparkplugReader;

  /** @param records Reads lines that are no messages: single metrics, as dead letters have them. */
  constructor(private readonly records: RecordReader) {
    this.messages = new SparkplugReader(records.mapping, () => {});
  }

  /**
   * Fills a batch with the events of a line.
   *
   * @param arrivedMs Unix ms.
   */
  decode(line: Uint8Array, batch: EventBatch, arrivedMs: number): void {
    const [, topic, digits] = MESSAGE.exec(DECODER.decode(line)) ?? [];
    const reader = topic === undefined ? this.records : this.messages;
    const bytes = digits === undefined ? line : Uint8Array.fromHex(digits);
    batch.reset(bytes);
    reader.begin(batch);
    reader.read(batch, 0, bytes.length, { topic, arrivedMs });
  }
}
