import type { Buffer } from "node:buffer";
import type { FrameRules } from "../../platform/net/frame_gate.ts";
import type { RequiredLogin } from "./postgres_connection.ts";
import { PostgresLogin } from "./postgres_login.ts";
import { SinkError } from "../../contract/sink.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** The type of a frame, one byte, and its length without that byte. */
const HEAD_SIZE = 5;

/** Bytes of a frame before the login, at most; `libpq` accepts 30,000. */
const LOGIN_MAX_BYTES = 64 * KIB;
/** Bytes of a row at most. The longest of ours has a few thousand. */
const FRAME_MAX_BYTES = 16 * MIB;
/** Bytes of an error or a notice, with the context that the server adds. */
const TEXT_MAX_BYTES = MIB;
/** Memory of a frame beyond its bytes: a row of a few columns. */
const FRAME_OVERHEAD_BYTES = 100;
/** Bytes of reported parameters at most: the driver keeps each of them as long as the connection lasts. */
const PARAMETERS_MAX_BYTES = MIB;
/** Bytes of the answer to a statement at most, by default. */
export const ANSWER_MAX_BYTES = 64 * MIB;

/**
 * The frame types of a server. Others belong to features that are never used, such as copying, or to another
 * protocol.
 */
const BEFORE_LOGIN = "RSKENZ";
const AFTER_LOGIN = "SENZDTCnt123sIA";
const TEXTS = "EN";

export interface PostgresFramesOptions {
  /** Address of the server for messages. */
  readonly address: string;
  /** Whether the password may be sent to the server: it is verified by TLS, or it is this host. */
  readonly isTrusted: boolean;
  readonly requiredLogin: RequiredLogin | undefined;
  /** Bytes of the answer to the present statement at most, overheads included. */
  readonly answer: { maxBytes: number };
}

/**
 * Lets only valid frames of a PostgreSQL pass: small frames before the login, a login that
 * {@link PostgresLogin} allows, and answers within a bound. The driver bounds nothing.
 */
export class PostgresFrames implements FrameRules {
  readonly headSize = HEAD_SIZE;
  private readonly login: PostgresLogin;
  private isLoggedIn = false;
  /** Bytes since the last request. */
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
        if (!isRowDescription(frame)) throw this.error("describes the columns of rows wrongly");
    }
  }

  sent(bytes: Uint8Array): void {
    this.login.sent(bytes);
    // Before the login the count goes on. Else a server could make the driver write for ever.
    if (this.isLoggedIn) this.answerBytes = 0;
  }

  private error(problem: string): SinkError {
    return new SinkError(
      "unavailable",
      `What answers at ${this.options.address} ${problem}: the connection was ended. Is this a PostgreSQL?`,
    );
  }
}

/**
 * A column has a name and 18 bytes. The driver would search for the end of a name beyond the end of the
 * frame.
 */
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
