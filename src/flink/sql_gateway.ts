import * as z from "zod";
import type { Clock } from "../platform/clock/clock.ts";
import { readBounded } from "../platform/http/bounded_bytes.ts";
import { GatewayError } from "./gateway_error.ts";

const API = "/v1";
const POLL_MS = 200;
/** Flink compiles what it is given before it answers, which takes seconds on a slow machine. */
const TIMEOUT_MS = 120_000;
/** How long a statement may take. A gateway that does not reach its cluster gives up after a minute. */
const STATEMENT_MAX_MS = 300_000;
/** Between two words about a statement that takes long. */
const TELL_MS = 10_000;
const CLOSE_MAX_MS = 5000;
const NOT_FOUND = 404;
const ANSWER_MAX_BYTES = 10_000_000;
/** Of a statement, where it is named. */
const NAME_CHARACTERS = 60;
/** The states of a statement that is under way. It leaves each other one no more. */
const UNDER_WAY = ["INITIALIZED", "PENDING", "RUNNING"];

const INFO = z.object({ productName: z.string(), version: z.string() });
const SESSION = z.object({ sessionHandle: z.string() });
const OPERATION = z.object({ operationHandle: z.string() });
const STATUS = z.object({ status: z.string() });
const RESULT = z.object({
  resultType: z.string(),
  jobID: z.string().nullish(),
  nextResultUri: z.string().nullish(),
  results: z.object({ data: z.array(z.object({ fields: z.array(z.unknown()) })) }).nullish(),
});
const ERRORS = z.object({ errors: z.array(z.string()) });

/** The beginning of the message about a class that is in none of the gateway's jars. */
export const NO_CLASS = "Flink has no class";

/** What a statement came to. */
export interface StatementResult {
  readonly rows: readonly (readonly unknown[])[];
  /** The id of the job that it has started; undefined: none. */
  readonly jobId: string | undefined;
}

/** What a session needs of the command that it is for. */
export interface SessionSurroundings {
  /** Fires when the operator ends the command. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Is told every ten seconds of a statement that is still under way, and since how many seconds. */
  readonly wait: (statement: string, seconds: number) => void;
}

/** A session at an SQL gateway of Flink, by its REST API. */
export class SqlGateway implements AsyncDisposable {
  private session = "";

  private constructor(private readonly url: string, private readonly surroundings: SessionSurroundings) {}

  /** Opens a session. @throws {GatewayError} */
  static async open(url: string, surroundings: SessionSurroundings): Promise<SqlGateway> {
    const gateway = new SqlGateway(url.replace(/\/+$/, ""), surroundings);
    const { sessionHandle } = await gateway.ask("POST", "/sessions", SESSION, {});
    gateway.session = `/sessions/${encodeURIComponent(sessionHandle)}`;
    return gateway;
  }

  /** The release of Flink. @throws {GatewayError} */
  async version(): Promise<string> {
    const { productName, version } = await this.ask("GET", "/info", INFO);
    return `${productName} ${version}`;
  }

  /** Runs a statement to its end; a job that it starts goes on. @throws {GatewayError} */
  async run(statement: string): Promise<StatementResult> {
    const { operationHandle } = await this.ask("POST", `${this.session}/statements`, OPERATION, {
      statement,
    });
    const operation = `${this.session}/operations/${encodeURIComponent(operationHandle)}`;
    const pause = this.pausesFor(statement, operation);
    for (;;) {
      const { status } = await this.ask("GET", `${operation}/status`, STATUS);
      if (!UNDER_WAY.includes(status)) break;
      await pause(POLL_MS);
    }
    const rows: unknown[][] = [];
    let jobId: string | undefined;
    for (let token = 0;;) {
      const result = await this.ask("GET", `${operation}/result/${token}`, RESULT);
      jobId ??= result.jobID ?? undefined;
      if (result.resultType === "NOT_READY") {
        await pause(POLL_MS);
        continue;
      }
      rows.push(...(result.results?.data ?? []).map(({ fields }) => fields));
      // A job goes on when its id is known.
      if (result.resultType === "EOS" || !result.nextResultUri) return { rows, jobId };
      token++;
      await pause(0);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session === "") return;
    // The session would stay for minutes if an operator who ends the command left it open.
    await this.fetch("DELETE", this.session, undefined, AbortSignal.timeout(CLOSE_MAX_MS)).catch(() => {});
  }

  /** What waits between two looks at a statement, tells how long that has taken, and gives it up. */
  private pausesFor(statement: string, operation: string): (ms: number) => Promise<void> {
    const { clock, signal, wait } = this.surroundings;
    const startedMs = clock.monotonicMs();
    let toldMs = startedMs;
    return async (ms) => {
      await clock.sleep(ms, signal);
      const nowMs = clock.monotonicMs();
      if (nowMs - startedMs > STATEMENT_MAX_MS) {
        await this.fetch("POST", `${operation}/cancel`, undefined, AbortSignal.timeout(CLOSE_MAX_MS))
          .catch(() => {});
        throw new GatewayError(
          "slow",
          `${nameOf(statement)} is not done after ${STATEMENT_MAX_MS / 60_000} minutes, and was cancelled.`,
        );
      }
      if (nowMs - toldMs < TELL_MS) return;
      toldMs = nowMs;
      wait(nameOf(statement), Math.round((nowMs - startedMs) / 1000));
    };
  }

  private async ask<T>(method: string, path: string, form: z.ZodType<T>, body?: unknown): Promise<T> {
    const { signal } = this.surroundings;
    const { answer, isOk, status } = await this.fetch(
      method,
      path,
      body,
      AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    );
    if (isOk) {
      const read = form.safeParse(answer);
      if (read.success) return read.data;
    }
    const errors = ERRORS.safeParse(answer);
    // A JobManager knows the form of an error, but none of the paths.
    if (errors.success && status !== NOT_FOUND) {
      throw new GatewayError("refused", causeIn(errors.data.errors.join("\n")));
    }
    throw new GatewayError(
      "foreign",
      `${this.url} answers ${status} and is no SQL gateway of Flink. A gateway has an address of its ` +
        "own, with port 8083 by default; 8081 is the JobManager's.",
    );
  }

  /** The answer; undefined: it is no JSON, or too long. */
  private async fetch(method: string, path: string, body: unknown, signal: AbortSignal) {
    try {
      const response = await fetch(`${this.url}${API}${path}`, {
        method,
        signal,
        ...(body !== undefined &&
          { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const bytes = await readBounded(response.body ?? ReadableStream.from([]), ANSWER_MAX_BYTES);
      return { answer: parsed(bytes), isOk: response.ok, status: response.status };
    } catch (error) {
      this.surroundings.signal.throwIfAborted();
      let reason = String(error);
      for (let inner = error; inner instanceof Error; inner = inner.cause) reason = inner.message;
      throw new GatewayError(
        "absent",
        `No SQL gateway answers at ${this.url}: ${reason}. Is it started (bin/sql-gateway.sh start), and ` +
          "is this its address?",
      );
    }
  }
}

/** The beginning of a statement, without its comments. */
function nameOf(statement: string): string {
  const line = statement.split("\n").find((line) => !line.startsWith("--")) ?? "";
  return line.length > NAME_CHARACTERS ? `${line.slice(0, NAME_CHARACTERS)}…` : line;
}

function parsed(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** The innermost cause that says something, in the stack trace that a gateway sends, without the trace. */
function causeIn(trace: string): string {
  for (const cause of trace.split("\nCaused by: ").reverse()) {
    const [first = ""] = cause.split(/\n\s+(?:at |\.\.\.)/);
    const [, missing] = /^java\.lang\.(?:ClassNotFoundException|NoClassDefFoundError): (\S+)/.exec(first) ??
      [];
    if (missing !== undefined) return `${NO_CLASS} ${missing.replaceAll("/", ".")}.`;
    const words = first.replace(/^[\w.$]+(?:Exception|Error)(?:: |$)/, "").replaceAll(/\s+/g, " ").trim();
    if (words !== "") return words;
  }
  return "it does not say why";
}
