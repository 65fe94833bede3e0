import { createHash } from "node:crypto";
import { Metric, type Wide } from "./metric.ts";
import { type MetricProperties, propertiesOf, type PropertyNames } from "./metric_properties.ts";
import type { Payload } from "./payload.ts";

/** What a birth certificate says of a metric. */
export interface Definition {
  readonly name: string;
  readonly type: number;
  readonly isTransient: boolean;
  readonly properties: MetricProperties | undefined;
}

/** Memory that a metric takes beside its text. */
const METRIC_BYTES = 250;

/** The number that an NDEATH has in common with the NBIRTH whose session it ends. */
const SESSION_METRIC = "bdSeq";

/** What a birth certificate says of a node or device: the names and types that its data refer to. */
export class Certificate {
  /** Identity of its content and of whom it is. */
  readonly digest: string;
  /** Of an NBIRTH; undefined: it has none. */
  session: Wide | undefined;
  private readonly textBytes: number;
  private readonly byName = new Map<string, Definition>();
  /** Null: the alias stands for two names. */
  private readonly byAlias = new Map<Wide, Definition | null>();

  /**
   * @param bytes The message as it came.
   * @throws {PushError}
   */
  constructor(readonly topic: string, bytes: Uint8Array, payload: Payload, properties: PropertyNames) {
    this.digest = createHash("sha256").update(topic).update("\0").update(bytes).digest("base64url");
    this.textBytes = payload.bytes.length;
    const metric = new Metric();
    payload.eachMetric(metric, properties.read, () => this.define(metric, properties));
  }

  /** Bytes of memory that it takes, about. */
  get weight(): number {
    return this.textBytes + METRIC_BYTES * (this.byName.size + this.byAlias.size);
  }

  /** Undefined: it names no such metric. Null: an alias of two. */
  find(name: string | undefined, alias: Wide | undefined): Definition | null | undefined {
    if (name !== undefined) return this.byName.get(name);
    return alias === undefined ? undefined : this.byAlias.get(alias);
  }

  private define(metric: Metric, names: PropertyNames): void {
    const { alias, isTransient, name, type } = metric;
    if (name === undefined || name === "") return;
    this.session ??= sessionIn(metric);
    const properties = propertiesOf(metric, names.inTemplates);
    const definition = { name, type, isTransient, properties };
    this.byName.set(name, definition);
    if (alias === undefined) return;
    const other = this.byAlias.get(alias);
    this.byAlias.set(alias, other === undefined || other?.name === name ? definition : null);
  }
}

/** The number of the session that an NBIRTH begins or an NDEATH ends; undefined: it has none. */
export function sessionOf(payload: Payload): Wide | undefined {
  const metric = new Metric();
  let session: Wide | undefined;
  payload.eachMetric(metric, NO_PROPERTIES, () => {
    session ??= sessionIn(metric);
  });
  return session;
}

function sessionIn({ name, wire }: Metric): Wide | undefined {
  return name === SESSION_METRIC && wire?.field === "integer" ? wire.value : undefined;
}

/**
 * Whether a metric belongs to the protocol: it numbers sessions, or is there to be written. Its value is no
 * measurement.
 */
export function isOfProtocol(name: string): boolean {
  return name === SESSION_METRIC || name.startsWith("Node Control/") || name.startsWith("Device Control/");
}

const NO_PROPERTIES: ReadonlySet<string> = new Set();
