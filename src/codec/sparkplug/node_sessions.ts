import type { Certificate } from "./certificate.ts";

/** Certificates at most, and the memory that they take together. */
export const CERTIFICATES_MAX = 20_000;
export const WEIGHT_MAX_BYTES = 256 * 1024 * 1024;

/** A certificate that is in force. */
export interface Held {
  readonly certificate: Certificate;
  /** A later certificate may have been missed: its aliases may stand for other names by now. */
  readonly isDoubtful: boolean;
}

/** What is known of a node of which there is a certificate. It is replaced, never changed. */
export interface NodeSession {
  readonly group: string;
  readonly node: string;
  /** Undefined: only births of devices were seen. */
  readonly birth: Held | undefined;
  readonly devices: ReadonlyMap<string, Held>;
  /** Sequence number of its last message; undefined: it had none. */
  readonly sequence: number | undefined;
  /**
   * Messages may have been missed since the last one. Only if the next one has the next number is all as it
   * was.
   */
  readonly isOnTrial: boolean;
}

/** The certificates in force, by their nodes. Changes since a mark can be taken back. */
export class NodeSessions {
  private readonly nodes = new Map<string, NodeSession>();
  /** What the nodes were that have changed since the mark. */
  private readonly before = new Map<string, NodeSession | undefined>();
  private certificates = 0;
  private weight = 0;
  /** Changes whenever other certificates are in force, or one has become doubtful. */
  version = 0;

  get(group: string, node: string): NodeSession | undefined {
    return this.nodes.get(keyOf(group, node));
  }

  /** Replaces what is known of a node; one without certificates is forgotten. */
  set(group: string, node: string, next: NodeSession | undefined): void {
    const key = keyOf(group, node);
    if (!this.before.has(key)) this.before.set(key, this.nodes.get(key));
    this.replace(key, next);
  }

  /** Whether there is room for a certificate in the place of another. */
  hasRoom(certificate: Certificate, replaced: Held | undefined): boolean {
    const count = this.certificates + (replaced === undefined ? 1 : 0);
    const weight = this.weight + certificate.weight - (replaced?.certificate.weight ?? 0);
    return count <= CERTIFICATES_MAX && weight <= WEIGHT_MAX_BYTES;
  }

  /** Messages may have been missed of all nodes. */
  putOnTrial(): void {
    for (const [key, session] of this.nodes) this.nodes.set(key, { ...session, isOnTrial: true });
    for (const [key, session] of this.before) {
      if (session !== undefined) this.before.set(key, { ...session, isOnTrial: true });
    }
  }

  /** What was changed before can no longer be taken back. */
  mark(): void {
    this.before.clear();
  }

  /** Takes back what has changed since the mark. */
  undo(): void {
    for (const [key, session] of this.before) this.replace(key, session);
    this.before.clear();
  }

  clear(): void {
    for (const key of [...this.nodes.keys()]) this.replace(key, undefined);
    this.before.clear();
  }

  all(): Iterable<NodeSession> {
    return this.nodes.values();
  }

  private replace(key: string, next: NodeSession | undefined): void {
    const last = this.nodes.get(key);
    const kept = next === undefined || (next.birth === undefined && next.devices.size === 0)
      ? undefined
      : next;
    if (kept?.birth !== last?.birth || kept?.devices !== last?.devices) {
      this.version++;
      this.count(last, -1);
      this.count(kept, 1);
    }
    if (kept === undefined) this.nodes.delete(key);
    else this.nodes.set(key, kept);
  }

  private count(session: NodeSession | undefined, sign: 1 | -1): void {
    for (const { certificate } of heldOf(session)) {
      this.certificates += sign;
      this.weight += sign * certificate.weight;
    }
  }
}

/** The certificates of a node and its devices. */
export function* heldOf(session: NodeSession | undefined): Generator<Held> {
  if (session?.birth !== undefined) yield session.birth;
  if (session !== undefined) yield* session.devices.values();
}

function keyOf(group: string, node: string): string {
  return `${group}/${node}`;
}
