import type { Buffer } from "node:buffer";
import type { FrameRules } from "../../platform/net/frame_gate.ts";
import type { RequiredLogin } from "./postgres_connection.ts";
import { PostgresLogin } from "./postgres_login.ts";
import { SinkError } from "../../contract/sink.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** The type of a frame, one byte, and its length without that byte. */
const HEAD_SIZE = 5;

/** Before the login: `libpq` takes 30,000 bytes. */
const LOGIN_MAX_BYTES = 64 * KIB;
/** A row. The longest of ours has a few thousand bytes. */
const FRAME_MAX_BYTES = 16 * MIB;
/** An error or a notice, with all that the server says of where it comes from. */
const TEXT_MAX_BYTES = MIB;
/** What a frame takes in memory beyond its bytes: a row of a few columns. */
const FRAME_OVERHEAD_BYTES = 100;
/** The driver keeps every parameter that the server reports, for as long as the connection lasts. */
const PARAMETERS_MAX_BYTES = MIB;
/** What the answer to a statement may come to, where nothing else is said. */
export const ANSWER_MAX_BYTES = 64 * MIB;

/** What a server sends us: all else belongs to what we never ask for, such as copying, or to no PostgreSQL. */
const BEFORE_LOGIN = "RSKENZ";
const AFTER_LOGIN = "SENZDTCnt123sIA";
const TEXTS = "EN";

export interface PostgresFramesOptions {
  /** For people. */
  readonly address: string;
  /** Whether the password may be told to what is at the other end: verified by TLS, or this host. */
  readonly isTrusted: boolean;
  readonly requiredLogin: RequiredLogin | undefined;
  /** What the answer to the present statement may come to, overheads included. */
  readonly answer: { maxBytes: number };
}

/**
 * Lets pass what a PostgreSQL may say, and no more than it can be right to say: small frames before the login, a login that
 * {@link PostgresLogin} allows, and answers within a bound. The driver bounds nothing.
 */
export class PostgresFrames implements FrameRules {
  readonly headSize = HEAD_SIZE;
  private readonly login: PostgresLogin;
  private isLoggedIn = false;
  /** Since something was last asked for. */
  private answerBytes = 0;
  private parameterBytes = 0;

  constructor(private readonly options: PostgresFramesOptions) {
    this.login = new PostgresLogin(options);
  }

  sizeOf(head: Buffer): number {
    const type = String.fromCharCode(head[0]!);
    const size = head.readUInt32BE(1) + 1;
    if (!(this.isLoggedIn ? AFTER_LOGIN : BEFORE_LOGIN).includes(type) || size < HEAD_SIZE) {
      throw this.error("does not speak PostgreSQL's protocol");
    }
    const maxBytes = !this.isLoggedIn
      ? LOGIN_MAX_BYTES
      : TEXTS.includes(type)
      ? TEXT_MAX_BYTES
      : FRAME_MAX_BYTES;
    if (size > maxBytes) {
      throw this.error(`announces a message of ${size} bytes, where at most ${maxBytes} can be right`);
    }
    return size;
  }

  received(frame: Buffer): void {
    this.answerBytes += frame.length + FRAME_OVERHEAD_BYTES;
    const maxBytes = this.isLoggedIn ? this.options.answer.maxBytes : MIB;
    if (this.answerBytes > maxBytes) {
      throw this.error(`sends more than ${maxBytes} bytes, which is more than was asked for`);
    }
    switch (String.fromCharCode(frame[0]!)) {
      case "R":
        return this.login.received(frame);
      case "Z":
        if (!this.login.isDone) throw this.error("has skipped the login");
        this.isLoggedIn = true;
        return;
      case "S":
        this.parameterBytes += frame.length + FRAME_OVERHEAD_BYTES;
        if (this.parameterBytes > PARAMETERS_MAX_BYTES) throw this.error("reports parameters without end");
        return;
      case "T":
        if (!isRowDescription(frame)) throw this.error("describes rows that cannot be");
    }
  }

  sent(bytes: Uint8Array): void {
    this.login.sent(bytes);
    // Before the login a server could have itself written to for ever.
    if (this.isLoggedIn) this.answerBytes = 0;
  }

  private error(problem: string): SinkError {
    return new SinkError(
      "unavailable",
      `What answers at ${this.options.address} ${problem}: the connection was ended. Is this a PostgreSQL?`,
    );
  }
}

/** Type, name, and 18 bytes for each column. The driver looks for the end of a name beyond the end of the frame. */
function isRowDescription(frame: Buffer): boolean {
  const COLUMN_BYTES = 18;
  if (frame.length < HEAD_SIZE + 2) return false;
  let at = HEAD_SIZE + 2;
  for (let columns = frame.readUInt16BE(HEAD_SIZE); columns > 0; columns--) {
    const end = frame.indexOf(0, at);
    if (end < 0) return false;
    at = end + 1 + COLUMN_BYTES;
  }
  return at === frame.length;
}
