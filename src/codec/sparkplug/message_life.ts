import { Certificate, sessionOf } from "./certificate.ts";
import type { PropertyNames } from "./metric_properties.ts";
import type { Held, NodeSession, NodeSessions } from "./node_sessions.ts";
import type { Payload } from "./payload.ts";
import { sequenceStep } from "./sequence.ts";
import type { SparkplugTopic } from "./topic.ts";

const NO_DEVICES: ReadonlyMap<string, Held> = new Map();

/** What has been seen of sequence numbers. */
export interface SequenceBooks {
  /** How often a message had not the number after that of the message before it. */
  readonly gaps: number;
  /** Messages that are missing by these numbers. */
  readonly lost: number;
}

/** Follows births, deaths and sequence numbers. */
export class MessageLife {
  books: SequenceBooks = { gaps: 0, lost: 0 };

  /** @param wantRebirth Told of each node whose birth certificate is needed again. */
  constructor(
    private readonly sessions: NodeSessions,
    private readonly properties: PropertyNames,
    private readonly wantRebirth: (group: string, node: string) => void,
  ) {}

  /**
   * Takes a message. Returns the certificate that its metrics refer to; undefined: there is none.
   *
   * @param bytes The message as it came.
   * @throws {PushError} Nothing has changed then.
   */
  take(topic: SparkplugTopic, bytes: Uint8Array, payload: Payload): Held | undefined {
    const { device, group, node, type } = topic;
    switch (type) {
      case "NBIRTH":
        return this.nodeIsBorn(topic, bytes, payload);
      case "DBIRTH":
        return this.deviceIsBorn(topic, bytes, payload);
      case "NDEATH":
        this.nodeDies(topic, payload);
        return undefined;
      case "DDEATH": {
        const session = this.follow(topic, payload);
        if (session?.devices.has(device!)) {
          const devices = new Map(session.devices);
          devices.delete(device!);
          this.sessions.set(group, node, { ...session, devices });
        }
        return undefined;
      }
      default: {
        const session = this.follow(topic, payload);
        const held = device === undefined ? session?.birth : session?.devices.get(device);
        if (held === undefined) this.wantRebirth(group, node);
        return held;
      }
    }
  }

  /** All that is known of a node is replaced: its devices are born anew after it. */
  private nodeIsBorn(topic: SparkplugTopic, bytes: Uint8Array, payload: Payload): Held {
    const { group, node } = topic;
    const held = { certificate: this.certificate(topic, bytes, payload), isDoubtful: false };
    this.sessions.set(group, node, undefined);
    if (!this.sessions.hasRoom(held.certificate, undefined)) return held;
    const { sequence } = payload;
    this.sessions.set(group, node, {
      group,
      node,
      birth: held,
      devices: NO_DEVICES,
      sequence,
      isOnTrial: false,
    });
    return held;
  }

  private deviceIsBorn(topic: SparkplugTopic, bytes: Uint8Array, payload: Payload): Held {
    const { group, node } = topic;
    const device = topic.device!;
    const held = { certificate: this.certificate(topic, bytes, payload), isDoubtful: false };
    const session = this.follow(topic, payload) ??
      { group, node, birth: undefined, devices: NO_DEVICES, sequence: payload.sequence, isOnTrial: false };
    // A device is born after its node.
    if (session.birth === undefined) this.wantRebirth(group, node);
    if (this.sessions.hasRoom(held.certificate, session.devices.get(device))) {
      const devices = new Map(session.devices).set(device, held);
      this.sessions.set(group, node, { ...session, devices });
    }
    return held;
  }

  /** A death that was announced by an earlier session of the node says nothing of the present one. */
  private nodeDies({ group, node }: SparkplugTopic, payload: Payload): void {
    const born = this.sessions.get(group, node)?.birth?.certificate.session;
    const died = sessionOf(payload);
    if (born !== undefined && died !== undefined && born !== died) return;
    this.sessions.set(group, node, undefined);
  }

  /** Follows the sequence numbers of a node. Returns what is known of it now. */
  private follow({ group, node }: SparkplugTopic, { sequence }: Payload): NodeSession | undefined {
    const session = this.sessions.get(group, node);
    if (session === undefined) return undefined;
    const step = sequenceStep(session.sequence, sequence);
    if (step.kind === "gap") {
      // After an interruption none comes late: more than half a round is missing, and nobody knows how much.
      const lost = session.isOnTrial ? Math.max(1, step.lost) : step.lost;
      this.books = { gaps: this.books.gaps + 1, lost: this.books.lost + lost };
      this.wantRebirth(group, node);
    }
    const isSound = !session.isOnTrial || step.kind === "next" || step.kind === "unknown";
    if (!isSound) this.wantRebirth(group, node);
    const next = { ...(isSound ? session : doubtful(session)), sequence, isOnTrial: false };
    this.sessions.set(group, node, next);
    return next;
  }

  private certificate(topic: SparkplugTopic, bytes: Uint8Array, payload: Payload): Certificate {
    const { device, group, node, type } = topic;
    const text = ["spBv1.0", group, type, node, ...(device === undefined ? [] : [device])].join("/");
    return new Certificate(text, bytes, payload, this.properties);
  }
}

/** The node with certificates that may no longer be the latest. */
function doubtful(session: NodeSession): NodeSession {
  const { birth, devices } = session;
  const doubt = ({ certificate }: Held): Held => ({ certificate, isDoubtful: true });
  return {
    ...session,
    birth: birth && doubt(birth),
    devices: new Map([...devices].map(([device, held]) => [device, doubt(held)])),
  };
}
