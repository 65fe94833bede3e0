import assert from "node:assert/strict";
import { encoded, session, type TestMetric } from "../codec/sparkplug/messages.ts";
import type { MqttPublisher, Outgoing } from "../support/mqtt_publisher.ts";
import { sqliteSink } from "./plant.ts";

/** A node with a device, whose aliases are others in each session. */
export class EdgeNode {
  /** Sums and counts that are expected, by metric. */
  readonly expected: Record<string, [sum: number, count: number]> = {};
  private sequence = 0;
  private session = 0;
  private value = 0;
  private aliases: Record<string, number> = {};

  /** @param qos With 2 the broker keeps its messages for a handler that is away, and hands them over once. */
  constructor(private readonly publisher: MqttPublisher, private readonly qos: 0 | 2) {}

  /** Sends its births, with other aliases than before if it is another session. */
  async beBorn(isNewSession: boolean): Promise<void> {
    if (isNewSession) {
      this.session++;
      const [first, second] = this.session % 2 === 0 ? [1, 2] : [2, 1];
      this.aliases = { load: first!, temp: second! };
    }
    this.sequence = 0;
    const { load, temp } = this.aliases;
    await this.publisher.publish([
      this.message("NBIRTH/n1", [session(this.session), {
        name: "load",
        alias: load!,
        ...this.next("load"),
      }]),
      this.message("DBIRTH/n1/d1", [{ name: "temp", alias: temp!, ...this.next("temp") }]),
    ]);
  }

  async die(): Promise<void> {
    const payload = encoded({ metrics: [session(this.session)] });
    await this.publisher.publish([{ topic: "spBv1.0/plant/NDEATH/n1", payload, qos: 2 }]);
  }

  /**
   * Sends so many messages, by alias alone.
   *
   * @param isExpected Whether they are counted.
   */
  async sendData(count: number, isExpected = true): Promise<void> {
    const messages = Array.from({ length: count }, (_, i) => {
      const [name, type] = i % 2 === 0 ? ["load", "NDATA/n1"] as const : ["temp", "DDATA/n1/d1"] as const;
      return this.message(type, [{ alias: this.aliases[name]!, ...this.next(name, isExpected) }]);
    });
    await this.publisher.publish(messages);
  }

  /** How many events are expected. */
  expectedCount(): number {
    return Object.values(this.expected).reduce((sum, [, count]) => sum + count, 0);
  }

  private next(name: string, isExpected = true): TestMetric {
    const value = ++this.value;
    const [sum, count] = this.expected[name] ?? [0, 0];
    if (isExpected) this.expected[name] = [sum + value, count + 1];
    return { type: "Int32", value, timestamp: Date.now() };
  }

  private message(type: string, metrics: TestMetric[]): Outgoing {
    const payload = encoded({ timestamp: Date.now(), seq: this.sequence, metrics });
    this.sequence = (this.sequence + 1) % 256;
    return { topic: `spBv1.0/plant/${type}`, payload, qos: this.qos };
  }
}

/** Sums and counts of a SQLite sink, by metric. */
export async function sumsOf(path: string): Promise<Record<string, [number, number]>> {
  const sums: Record<string, [number, number]> = {};
  for (const { count, labels, name, value } of await sqliteSink(path).rows()) {
    const device = name === "temp" ? '"device":"d1",' : "";
    assert.equal(labels, `{${device}"group":"plant","node":"n1"}`);
    const [sum, counts] = sums[name] ?? [0, 0];
    sums[name] = [sum + value, counts + count];
  }
  return sums;
}
