import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Role } from "../access/role.ts";

/** A session of the page. */
export interface Session {
  readonly id: string;
  readonly role: Role;
  /** Unix seconds. */
  readonly endsAt: number;
}

/** How long a session lasts. */
export const SESSION_SECONDS = 12 * 3600;
/** Beyond this number of sessions that were ended early, all end. */
const MAX_ENDED = 10_000;

/**
 * Signed sessions. Nothing is kept of one but its end, so that no number of them takes memory. The key is
 * drawn at each start: a session does not outlive the handler, nor the token that has opened it.
 */
export class Sessions {
  private key = randomBytes(32);
  /** Sessions that were ended before their time. */
  private readonly ended = new Map<string, Session>();

  /** @param nowMs The wall clock. */
  constructor(private readonly nowMs: () => number) {}

  /** Opens a session. Returns its text for the cookie. */
  open(role: Role): string {
    const id = randomBytes(16).toString("hex");
    const content = `${role}.${this.nowSeconds() + SESSION_SECONDS}.${id}`;
    return `${content}.${this.signature(content)}`;
  }

  /** The session of a text; undefined: it is none, or none any more. */
  read(text: string): Session | undefined {
    const [, content, role, end, id, signature] =
      /^((viewer|admin)\.(\d{1,12})\.([0-9a-f]{32}))\.([0-9a-f]{64})$/.exec(text) ?? [];
    if (content === undefined) return undefined;
    const own = this.signature(content);
    if (!timingSafeEqual(Buffer.from(own), Buffer.from(signature!))) return undefined;
    const session = { id: id!, role: role as Role, endsAt: Number(end) };
    return this.hasEnded(session) ? undefined : session;
  }

  /** Ends a session before its time. */
  end(session: Session): void {
    this.ended.set(session.id, session);
    if (this.ended.size <= MAX_ENDED) return;
    for (const [id, { endsAt }] of this.ended) if (endsAt <= this.nowSeconds()) this.ended.delete(id);
    if (this.ended.size <= MAX_ENDED) return;
    this.ended.clear();
    this.key = randomBytes(32);
  }

  private hasEnded({ id, endsAt }: Session): boolean {
    return endsAt <= this.nowSeconds() || this.ended.has(id);
  }

  private nowSeconds(): number {
    return Math.floor(this.nowMs() / 1000);
  }

  private signature(content: string): string {
    return createHmac("sha256", this.key).update(content).digest("hex");
  }
}
