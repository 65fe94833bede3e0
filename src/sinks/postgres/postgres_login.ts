import type { Buffer } from "node:buffer";
import type { RequiredLogin } from "./postgres_connection.ts";
import { SinkError } from "../../contract/sink.ts";

/** The login methods of the driver, by libpq's names. `none`: the server asks for nothing. */
type LoginMethod = "none" | "password" | "md5" | "scram-sha-256";

export interface PostgresLoginOptions {
  /** Address of the server for messages. */
  readonly address: string;
  /** Whether the password may be sent to the server: it is verified by TLS, or it is this host. */
  readonly isTrusted: boolean;
  readonly requiredLogin: RequiredLogin | undefined;
}

/** The codes in a message of type `R` of PostgreSQL's protocol. */
const OK = 0;
const CLEARTEXT_PASSWORD = 3;
const MD5_PASSWORD = 5;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;

/** Methods that reveal neither the password nor anything from which it can quickly be found. */
const SAFE: readonly LoginMethod[] = ["none", "scram-sha-256"];
/** SCRAM iterations at most: the client computes them, about half a second for these. */
const SCRAM_ITERATIONS_MAX = 1_000_000;
const AUTHENTICATION_AT = 5;
const TEXT_AT = 9;

/**
 * Follows a login, and ends it before the driver answers where the server asks for something that it must not
 * get. The driver sends a password to any server that asks for it. It does not notice when a SCRAM login
 * lacks the proof that the server knows the password.
 */
export class PostgresLogin {
  private step: "begun" | "password" | "scram" | "challenged" | "proven" | "done" = "begun";
  /** The beginning of the nonce, which the server must repeat. */
  private nonce: string | undefined;

  constructor(private readonly options: PostgresLoginOptions) {}

  get isDone(): boolean {
    return this.step === "done";
  }

  /** @param frame A frame of type `R`. @throws {SinkError} */
  received(frame: Buffer): void {
    if (frame.length < TEXT_AT) throw this.refusal("unavailable", "does not speak PostgreSQL's protocol");
    const text = frame.toString("utf8", TEXT_AT);
    switch (`${this.step} ${frame.readUInt32BE(AUTHENTICATION_AT)}`) {
      case `begun ${OK}`:
        this.permit("none");
        this.step = "done";
        return;
      case `begun ${CLEARTEXT_PASSWORD}`:
        this.permit("password");
        this.step = "password";
        return;
      case `begun ${MD5_PASSWORD}`:
        this.permit("md5");
        this.step = "password";
        return;
      case `begun ${SASL}`:
        this.permit("scram-sha-256");
        if (!text.split("\0").includes("SCRAM-SHA-256")) throw this.unknown();
        this.step = "scram";
        return;
      case `scram ${SASL_CONTINUE}`:
        this.checkChallenge(text);
        this.step = "challenged";
        return;
      case `challenged ${SASL_FINAL}`:
        // The driver checks the server's proof.
        this.step = "proven";
        return;
      case `password ${OK}`:
      case `proven ${OK}`:
        this.step = "done";
        return;
      case `scram ${OK}`:
      case `challenged ${OK}`:
        throw this.refusal(
          "misconfigured",
          "lets the handler in without having proven that it knows the password: it may be another " +
            "server that has taken its place",
        );
      default:
        throw this.unknown();
    }
  }

  sent(bytes: Uint8Array): void {
    if (this.step !== "scram") return;
    this.nonce = /,r=([^,]+)$/.exec(new TextDecoder().decode(bytes))?.[1];
  }

  private checkChallenge(text: string): void {
    const [, nonce, iterations] = /^r=([^,]+),s=[A-Za-z0-9+/]+={0,2},i=(\d{1,10})(?:,|$)/.exec(text) ?? [];
    if (nonce === undefined || this.nonce === undefined || !nonce.startsWith(this.nonce)) {
      throw this.refusal("unavailable", "does not keep to the rules of SCRAM");
    }
    if (Number(iterations) < 1 || Number(iterations) > SCRAM_ITERATIONS_MAX) {
      throw this.refusal(
        "misconfigured",
        `asks for ${iterations} iterations of SCRAM, and at most ${SCRAM_ITERATIONS_MAX} are ` +
          "computed: lower scram_iterations there and set the password anew",
      );
    }
  }

  private permit(method: LoginMethod): void {
    const { requiredLogin, isTrusted } = this.options;
    const isNamed = requiredLogin?.methods.includes(method) ?? false;
    if (requiredLogin !== undefined && isNamed === requiredLogin.isNegated) {
      throw this.refusal("misconfigured", `${DEMANDS[method]}, which require_auth does not allow`);
    }
    if (isNamed || isTrusted || SAFE.includes(method)) return;
    throw this.refusal(
      "misconfigured",
      `${DEMANDS[method]}, and nothing proves that it is the right server, so it ` +
        "does not get it. Let the server use scram-sha-256 (password_encryption, pg_hba.conf), or add " +
        "sslmode=verify-full to POSTGRES_CONNECTION_STRING, with POSTGRES_SSL_CA_FILE; where the " +
        `network is trusted, require_auth=${method}`,
    );
  }

  private unknown(): SinkError {
    return this.refusal(
      "misconfigured",
      "wants a login that is not supported here: none, scram-sha-256, md5 and password are",
    );
  }

  private refusal(kind: "unavailable" | "misconfigured", problem: string): SinkError {
    return new SinkError(kind, `PostgreSQL at ${this.options.address} ${problem}.`);
  }
}

const DEMANDS: Record<LoginMethod, string> = {
  "none": "asks for no password",
  "password": "asks for the password in clear text",
  "md5": "asks for the password by md5, which is as good as clear text",
  "scram-sha-256": "asks for a login by scram-sha-256",
};
