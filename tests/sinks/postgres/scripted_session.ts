import assert from "node:assert/strict";
import { SinkError } from "../../../src/contract/sink.ts";
import type { Sql } from "../../../src/sinks/postgres/postgres_driver.ts";
import type { PostgresSession } from "../../../src/sinks/postgres/postgres_session.ts";

/** A statement that was asked, with its values in it. */
export interface Asked {
  /** The words by which errors name it. */
  readonly what: string;
  readonly text: string;
  /** Bytes of the answer at most; undefined: as many as of any. */
  readonly answerMaxBytes: number | undefined;
}

/** Answers of a server to statements, by the words for these: one after another, the last one for ever. */
export type Script = Readonly<Record<string, readonly (readonly unknown[] | Error)[]>>;

/** A statement, or a part of one, whose values are written into it. */
class Statement {
  readonly text: string;

  constructor(parts: readonly string[], values: readonly unknown[]) {
    this.text = parts.map((part, i) => part + (i < values.length ? textOf(values[i]) : "")).join("")
      .replaceAll(/\s+/g, " ").trim();
  }
}

function textOf(value: unknown): string {
  return value instanceof Statement ? value.text : String(value);
}

/** A session without a server: it notes the statements and answers by the script. */
export function scriptedSession(script: Script) {
  const asked: Asked[] = [];
  const answers = new Map(Object.entries(script).map(([what, list]) => [what, [...list]]));
  const session = {
    async query(
      what: string,
      _: AbortSignal,
      build: (sql: Sql) => Promise<unknown>,
      answerMaxBytes?: number,
    ): Promise<unknown> {
      const list = answers.get(what);
      assert.ok(list !== undefined, `asked for ${what}`);
      const answer = list.length > 1 ? list.shift()! : list[0]!;
      if (answer instanceof Error) throw answer;
      return await build(sqlOf(what, answer, answerMaxBytes));
    },
    rehearse: (_: AbortSignal, work: () => Promise<unknown>) => work(),
    close() {
      asked.push({ what: "to close", text: "", answerMaxBytes: undefined });
      return Promise.resolve();
    },
  } as unknown as PostgresSession;

  /** Parts of a statement are statements too. Only the whole of it is awaited, and so noted. */
  function sqlOf(what: string, answer: readonly unknown[], answerMaxBytes: number | undefined): Sql {
    const sql = (parts: unknown, ...values: unknown[]) => {
      // A name or a list is no statement: it has no parts between which the values are.
      if (!Array.isArray(parts) || parts.length !== values.length + 1) return parts;
      const statement = new Statement(parts, values);
      return Object.assign(statement, {
        then(resolve: (rows: readonly unknown[]) => void) {
          asked.push({ what, text: statement.text, answerMaxBytes });
          resolve(answer);
        },
      });
    };
    return sql as unknown as Sql;
  }

  return { session, asked };
}

/** The error of a sink that this ends with. */
export async function errorOf(work: Promise<unknown>): Promise<SinkError> {
  const error = await work.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof SinkError, `${error}`);
  return error;
}
