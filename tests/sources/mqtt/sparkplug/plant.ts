import { oneOf } from "../../../fuzz/draw.ts";
import type { Random } from "../../../fuzz/target.ts";
import { encoded, session, type TestMetric } from "../../../codec/sparkplug/messages.ts";

export interface PlantMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Undefined: it has none. */
  readonly sequence: number | undefined;
  /** The path and value of each event that it stands for, by who sent it. */
  readonly events: readonly string[];
  /** Whether a broker keeps it for a host that is away. */
  readonly isKept: boolean;
}

interface Sender {
  /** Names by aliases. */
  names: Map<number, string>;
}

/** A node with devices that keeps to the specification. */
export class PlantNode {
  private session = 0;
  private sequence = 0;
  private isAlive = false;
  private own: Sender = { names: new Map() };
  private devices = new Map<string, Sender>();
  /** Value of the next metric, which no other has. */
  private static value = 1;

  constructor(
    private readonly group: string,
    private readonly node: string,
    private readonly random: Random,
  ) {}

  /** The number that its next message has, if it is no birth. */
  get nextSequence(): number {
    return this.sequence;
  }

  /** What it does next. */
  act(): PlantMessage {
    const { random } = this;
    if (!this.isAlive) return this.beBorn();
    const draw = random();
    if (draw < 0.04) return this.die();
    if (draw < 0.07) return this.beBornAgain();
    if (draw < 0.15) return this.deviceBirth(oneOf(random, ["d1", "d2", "d3"]));
    const device = oneOf(random, [undefined, ...this.devices.keys()]);
    if (device !== undefined && draw < 0.18) {
      this.devices.delete(device);
      return this.message("DDEATH", device, [], []);
    }
    return this.data(device);
  }

  /** Sends all births as they are, as when a host has asked for them. */
  beBornAgain(): PlantMessage {
    this.devices = new Map();
    return this.birth("NBIRTH", undefined, this.own);
  }

  private beBorn(): PlantMessage {
    this.isAlive = true;
    this.session++;
    this.devices = new Map();
    this.own = this.sender();
    return this.birth("NBIRTH", undefined, this.own);
  }

  private die(): PlantMessage {
    this.isAlive = false;
    const topic = `spBv1.0/${this.group}/NDEATH/${this.node}`;
    const payload = encoded({ metrics: [session(this.session)] });
    return { topic, payload, sequence: undefined, events: [], isKept: true };
  }

  private deviceBirth(device: string): PlantMessage {
    const sender = this.sender();
    this.devices.set(device, sender);
    return this.birth("DBIRTH", device, sender);
  }

  private birth(type: "NBIRTH" | "DBIRTH", device: string | undefined, { names }: Sender): PlantMessage {
    const values = [...names].map(([alias, name]) => ({ alias, name, value: PlantNode.value++ }));
    const events = values.map(({ name, value }) => this.event(device, name, value));
    const metrics: TestMetric[] = values.map((metric) => ({ ...metric, type: "Int32" }));
    if (type === "NBIRTH") {
      this.sequence = 0;
      metrics.push(session(this.session));
    }
    return this.message(type, device, metrics, events);
  }

  private data(device: string | undefined): PlantMessage {
    const { names } = device === undefined ? this.own : this.devices.get(device)!;
    const chosen = [...names].filter(() => this.random() < 0.5);
    const values = chosen.map(([alias, name]) => ({ alias, name, value: PlantNode.value++ }));
    return this.message(
      device === undefined ? "NDATA" : "DDATA",
      device,
      values.map(({ alias, value }) => ({ alias, value, type: "Int32" })),
      values.map(({ name, value }) => this.event(device, name, value)),
    );
  }

  private message(
    type: string,
    device: string | undefined,
    metrics: TestMetric[],
    events: string[],
  ): PlantMessage {
    const ofDevice = device === undefined ? "" : `/${device}`;
    const seq = this.sequence;
    this.sequence = (seq + 1) % 256;
    const topic = `spBv1.0/${this.group}/${type}/${this.node}${ofDevice}`;
    return { topic, payload: encoded({ seq, metrics }), sequence: seq, events, isKept: false };
  }

  private event(device: string | undefined, name: string, value: number): string {
    return `${[this.group, this.node, ...(device === undefined ? [] : [device]), name].join("/")}=${value}`;
  }

  /** Aliases from few numbers, so that another sender or session has the same for other names. */
  private sender(): Sender {
    const names = ["a", "b", "c", "d", "e"].filter(() => this.random() < 0.7);
    const aliases = [1, 2, 3, 4, 5, 6].sort(() => this.random() - 0.5);
    return { names: new Map(names.map((name, i) => [aliases[i]!, name])) };
  }
}
