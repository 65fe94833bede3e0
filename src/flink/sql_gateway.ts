import * as z from "zod";
import { readBounded } from "../platform/http/bounded_bytes.ts";
import { GatewayError } from "./gateway_error.ts";

const API = "/v1";
const POLL_MS = 200;
/** Flink compiles what it is given before it answers, which takes seconds on a slow machine. */
const TIMEOUT_MS = 120_000;
const ANSWER_MAX_BYTES = 10_000_000;

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

/** What a statement came to. */
export interface StatementResult {
  readonly rows: readonly (readonly unknown[])[];
  /** The id of the job that it has started; undefined: none. */
  readonly jobId: string | undefined;
}

/** A session at a SQL gateway of Flink, by its REST API. */
export class SqlGateway implements AsyncDisposable {
  private session = "";

  private constructor(private readonly url: string, private readonly signal: AbortSignal) {}

  /** Opens a session. @throws {GatewayError} */
  static async open(url: string, signal: AbortSignal): Promise<SqlGateway> {
    const gateway = new SqlGateway(url.replace(/\/+$/, ""), signal);
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
    for (;;) {
      const { status } = await this.ask("GET", `${operation}/status`, STATUS);
      if (status === "FINISHED" || status === "ERROR") break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const rows: unknown[][] = [];
    let jobId: string | undefined;
    for (let token = 0;;) {
      const result = await this.ask("GET", `${operation}/result/${token}`, RESULT);
      jobId ??= result.jobID ?? undefined;
      if (result.resultType === "NOT_READY") {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        continue;
      }
      rows.push(...(result.results?.data ?? []).map(({ fields }) => fields));
      // A job goes on when its id is known.
      if (result.resultType === "EOS" || !result.nextResultUri) return { rows, jobId };
      token++;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session === "") return;
    await this.ask("DELETE", this.session, z.unknown()).catch(() => {});
  }

  private async ask<T>(method: string, path: string, form: z.ZodType<T>, body?: unknown): Promise<T> {
    const { answer, isOk, status } = await this.fetch(method, path, body);
    if (isOk) {
      const read = form.safeParse(answer);
      if (read.success) return read.data;
    }
    const errors = ERRORS.safeParse(answer);
    if (errors.success) throw new GatewayError("refused", causeIn(errors.data.errors.join("\n")));
    throw new GatewayError(
      "foreign",
      `${this.url} answers ${status} and is no SQL gateway of Flink.`,
    );
  }

  /** The answer; undefined: it is no JSON, or too long. */
  private async fetch(method: string, path: string, body: unknown) {
    try {
      const response = await fetch(`${this.url}${API}${path}`, {
        method,
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(TIMEOUT_MS)]),
        ...(body !== undefined &&
          { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const bytes = await readBounded(response.body ?? ReadableStream.from([]), ANSWER_MAX_BYTES);
      return { answer: parsed(bytes), isOk: response.ok, status: response.status };
    } catch (error) {
      this.signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      throw new GatewayError("absent", `No SQL gateway answers at ${this.url}: ${reason}`);
    }
  }
}

function parsed(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** The innermost cause in the stack trace that a gateway sends, without the trace. */
function causeIn(trace: string): string {
  const causes = trace.split("\nCaused by: ");
  const [first = ""] = causes.at(-1)!.split(/\n\s+at /);
  return first.replace(/^[\w.$]+(?:Exception|Error): /, "").replaceAll(/\s+/g, " ").trim() ||
    trace.slice(0, 300);
}
