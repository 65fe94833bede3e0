import { Certificate } from "../../../codec/sparkplug/certificate.ts";
import { type Held, heldOf, type NodeSession } from "../../../codec/sparkplug/node_sessions.ts";
import { Payload } from "../../../codec/sparkplug/payload.ts";
import type { SparkplugReader } from "../../../codec/sparkplug/sparkplug_reader.ts";
import { parseTopic } from "../../../codec/sparkplug/topic.ts";
import type { CertificateStore, StoredCertificate } from "./certificate_store.ts";

/** Stands for a roll without certificates, and for no sequence numbers. */
const NONE = "-";
/** Stands for the sequence number of a node whose last message had none. */
const UNNUMBERED = "--";
const FORM = /^(-|\d{1,15}\.[\w-]{16}) (-|(?:[0-9a-f]{2}|--)+) (\d{1,15})$/;

/**
 * Brings what a reader remembers of nodes into the form of a position, and back.
 *
 * As text: `12.4fXc2Yd0aBcDeFgH 07ff-- 99`, the roll of the certificates, the last sequence number of each
 * node in the order of the roll, and a number that no other position has.
 */
export class SessionMemory {
  private roll = NONE;
  /** The version of the sessions that the roll is of. */
  private rollVersion: number;
  /** The roll before which nothing is kept. */
  private keptFrom: string | undefined;
  /** Number of the last position. */
  private turn = 0;

  constructor(private readonly reader: SparkplugReader, private readonly store: CertificateStore) {
    this.rollVersion = reader.sessions.version;
  }

  /** What is remembered now; what it refers to is on disk. @throws SQLite's error. */
  text(): string {
    const { reader: { births, sessions }, store } = this;
    const all = [...sessions.all()];
    if (this.rollVersion !== sessions.version) {
      const held = all.flatMap((session) => [...heldOf(session)]);
      const members = held.map(({ certificate: { digest }, isDoubtful }) => ({ digest, isDoubtful }));
      this.roll = members.length === 0 ? NONE : store.save(members, births);
      this.rollVersion = sessions.version;
    }
    this.reader.forgetBirths();
    const sequences = all.map(({ sequence }) =>
      sequence === undefined ? UNNUMBERED : sequence.toString(16).padStart(2, "0")
    );
    return `${this.roll} ${sequences.join("") || NONE} ${++this.turn}`;
  }

  /**
   * Remembers what a text says. Returns false where its certificates are not here: then nothing is known of
   * any node.
   */
  restore(text: string | undefined): boolean {
    const { sessions } = this.reader;
    sessions.clear();
    this.reader.forgetBirths();
    this.roll = NONE;
    const [, roll = NONE, sequences = NONE, turn = "0"] = FORM.exec(text ?? "") ?? [];
    this.turn = Math.max(this.turn, Number(turn));
    const stored = roll === NONE ? [] : this.store.load(roll);
    const nodes = stored && this.nodesOf(stored, sequences);
    for (const session of nodes ?? []) sessions.set(session.group, session.node, session);
    sessions.mark();
    if (nodes !== undefined) this.roll = roll;
    this.rollVersion = nodes === undefined ? NaN : sessions.version;
    return nodes !== undefined;
  }

  /** The positions before this one are over: what is remembered now can no longer be taken back. */
  mark(): void {
    this.reader.sessions.mark();
  }

  /** Takes back all since the mark. */
  undo(): void {
    this.reader.sessions.undo();
    this.reader.forgetBirths();
  }

  /** Deletes what only positions before this one needed. @throws SQLite's error. */
  keepFrom(text: string): void {
    const roll = FORM.exec(text)?.[1];
    if (roll === undefined || roll === NONE || roll === this.keptFrom) return;
    this.store.keepFrom(roll);
    this.keptFrom = roll;
  }

  /** Undefined: some certificate is not what it was. */
  private nodesOf(stored: readonly StoredCertificate[], sequences: string): NodeSession[] | undefined {
    const nodes = new Map<string, NodeSession>();
    for (const { bytes, digest, isDoubtful, topic } of stored) {
      const whose = parseTopic(topic);
      const certificate = this.certificate(topic, bytes);
      if (typeof whose !== "object" || certificate?.digest !== digest) return undefined;
      const { device, group, node } = whose;
      const held: Held = { certificate, isDoubtful };
      const key = `${group}/${node}`;
      const session = nodes.get(key) ??
        { group, node, birth: undefined, devices: new Map(), sequence: undefined, isOnTrial: true };
      nodes.set(
        key,
        device === undefined
          ? { ...session, birth: held }
          : { ...session, devices: new Map(session.devices).set(device, held) },
      );
    }
    return [...nodes.values()].map((session, i) => {
      const text = sequences.slice(2 * i, 2 * i + 2);
      return { ...session, sequence: text === "" || text === UNNUMBERED ? undefined : parseInt(text, 16) };
    });
  }

  private certificate(topic: string, bytes: Uint8Array): Certificate | undefined {
    try {
      return new Certificate(topic, bytes, Payload.of(bytes), this.reader.properties);
    } catch {
      return undefined;
    }
  }
}
