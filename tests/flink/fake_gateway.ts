/** An SQL gateway without a cluster behind it, for tests of the commands that talk to one. */

export interface FakeGatewayOptions {
  /** Classes that are not on its class path. */
  readonly missing?: readonly string[];
  /** Whether there is no JobManager. */
  readonly isAlone?: boolean;
  /** Statements that begin so stay in this state. */
  readonly stays?: { readonly at: string; readonly as: string };
}

const NOT_FOUND = { status: 404 };

/**
 * Answers as the REST API of a gateway does. It passes `gateway_contract.ts`, as a real one does, and knows
 * no SQL beyond the first words of a statement.
 */
export class FakeGateway implements AsyncDisposable {
  /** What it was given, in the order of arrival. */
  readonly statements: string[] = [];
  /** The numbers of the statements that were cancelled. */
  readonly cancelled: number[] = [];
  private readonly sessions = new Set<string>();
  private readonly server;

  constructor(private readonly options: FakeGatewayOptions = {}) {
    this.server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.answer(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.addr.port}`;
  }

  /** How many sessions are open. */
  get openSessions(): number {
    return this.sessions.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }

  private async answer(request: Request): Promise<Response> {
    const [, version, ...path] = new URL(request.url).pathname.split("/");
    if (version !== "v1") return Response.json({ errors: ["Not found."] }, NOT_FOUND);
    const route = `${request.method} ${path.filter((_, i) => i % 2 === 0).join("/")}`;
    if (route === "GET info") return Response.json({ productName: "Apache Flink", version: "2.2.1" });
    if (route === "POST sessions") return Response.json({ sessionHandle: this.newSession() });
    const [, session = "", , operation = "0"] = path;
    if (!this.sessions.has(session)) return failure(`Session '${session}' does not exist.`);
    switch (route) {
      case "DELETE sessions":
        this.sessions.delete(session);
        return Response.json({ status: "CLOSED" });
      case "POST sessions/statements": {
        const { statement } = await request.json() as { statement: string };
        return Response.json({ operationHandle: `${this.statements.push(statement) - 1}` });
      }
      case "GET sessions/operations/status":
        return Response.json({ status: this.statusOf(Number(operation)) });
      case "POST sessions/operations/cancel":
        this.cancelled.push(Number(operation));
        return Response.json({ status: "CANCELED" });
      case "GET sessions/operations/result":
        return this.resultOf(Number(operation));
    }
    return Response.json({ errors: ["Not found."] }, NOT_FOUND);
  }

  private newSession(): string {
    const session = crypto.randomUUID();
    this.sessions.add(session);
    return session;
  }

  private statusOf(operation: number): string {
    const statement = this.statements[operation]!;
    const { stays } = this.options;
    if (stays !== undefined && bareText(statement).startsWith(stays.at)) return stays.as;
    return this.faultOf(statement) === undefined ? "FINISHED" : "ERROR";
  }

  private resultOf(operation: number): Response {
    const statement = this.statements[operation]!;
    const status = this.statusOf(operation);
    if (status !== "FINISHED") return failure(this.faultOf(statement) ?? `The operation is ${status}.`);
    const isJob = statement.startsWith("EXECUTE ");
    return Response.json({
      resultType: "EOS",
      ...(isJob && { jobID: "5e1fc0de5e1fc0de5e1fc0de5e1fc0de" }),
      results: { data: isJob ? [] : [{ fields: ["OK"] }] },
    });
  }

  /** Why a statement is refused; undefined: it is not. */
  private faultOf(statement: string): string | undefined {
    const { isAlone = false, missing = [] } = this.options;
    const bare = bareText(statement);
    const [, className] = /^CREATE TEMPORARY SYSTEM FUNCTION \w+ AS '(.*)'$/.exec(bare) ?? [];
    if (className !== undefined && missing.includes(className)) {
      return `java.lang.ClassNotFoundException: ${className}`;
    }
    if (isAlone && /^(?:SHOW JOBS|EXECUTE )/.test(bare)) {
      return "Failed to list jobs in the cluster.\nCaused by: java.util.concurrent.TimeoutException";
    }
    return /^(?:SET|CREATE|EXPLAIN|EXECUTE|SHOW) /.test(bare)
      ? undefined
      : "Non-query expression encountered.";
  }
}

/** Without comments. */
function bareText(statement: string): string {
  return statement.replaceAll(/^--.*\n/gm, "");
}

/** As a gateway tells it: the cause within a stack trace. */
function failure(cause: string): Response {
  const trace =
    "<Exception on server side:\norg.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed.\n" +
    `\tat org.apache.flink.Gateway.run(Gateway.java:1)\nCaused by: ${
      /^[\w.$]+Exception: /.test(cause) ? "" : "org.apache.flink.table.api.ValidationException: "
    }${cause}\n\tat org.apache.flink.Planner.plan(Planner.java:1)\n\nEnd of exception on server side>`;
  return Response.json({ errors: ["Internal server error.", trace] }, { status: 500 });
}
