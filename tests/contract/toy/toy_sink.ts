import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { sinkConnector, type SinkSurroundings } from "../../../src/contract/connector.ts";
import {
  type OutboxBatch,
  type OutboxId,
  type Sink,
  type SinkContext,
  SinkError,
} from "../../../src/contract/sink.ts";
import type { ReadBack } from "../../../src/contract/read_back.ts";
import { anyText, path } from "../../../src/settings/value_type.ts";
import { optional, withDefault } from "../../../src/settings/variable.ts";

interface ToyConfig {
  readonly path: string;
  readonly token: string;
  readonly colour: string;
}

/** A row of the file. */
type ToyRow = Aggregate & { readonly instance: string };

/**
 * A sink that the program does not have: a JSON file that is rewritten with each batch. It wants a token, as
 * a service would.
 */
export class ToySink implements Sink, ReadBack {
  readonly id: string;
  readonly repeat = "upsert";
  readonly readBack = this;
  readonly cost = "scan";
  private readonly instance: string;

  constructor(private readonly config: ToyConfig, { id, instance }: SinkSurroundings) {
    this.id = id;
    this.instance = instance;
  }

  open(context: SinkContext): Promise<OutboxId> {
    context.claimant.claimed();
    return Promise.resolve(context.cursor);
  }

  write({ aggregates, overwrites }: OutboxBatch, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(new SinkError("unavailable", "it was interrupted."));
    const rows = new Map(rowsIn(this.config.path).map((row) => [keyOf(row), row]));
    for (const aggregate of aggregates) {
      const row = { ...aggregate, instance: this.instance };
      const held = rows.get(keyOf(row));
      if (!held || held.revision < row.revision || (overwrites && held.revision === row.revision)) {
        rows.set(keyOf(row), row);
      }
    }
    Deno.writeTextFileSync(this.config.path, JSON.stringify([...rows.values()]));
    return Promise.resolve();
  }

  probe(): Promise<string> {
    // The error contains the token, as that of a careless service would.
    if (this.config.token !== "open sesame") {
      throw new SinkError("misconfigured", `it does not know the token.`);
    }
    return Promise.resolve(`painted ${this.config.colour}`);
  }

  sumOfCounts(
    instance: string,
    sinceMs: number,
    _signal: AbortSignal,
    lengthMs?: number,
  ): Promise<number> {
    const rows = toyRows(this.config.path, instance).filter((row) =>
      row.windowStartMs >= sinceMs &&
      (lengthMs === undefined || row.windowEndMs - row.windowStartMs === lengthMs)
    );
    return Promise.resolve(rows.reduce((sum, { count }) => sum + count, 0));
  }

  rowsOfWindow(instance: string, startMs: number, endMs: number): Promise<Aggregate[]> {
    const rows = toyRows(this.config.path, instance);
    return Promise.resolve(rows.filter((row) => row.windowStartMs === startMs && row.windowEndMs === endMs));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The rows of an instance in the toy's file. */
export function toyRows(path: string, instance: string): Aggregate[] {
  return rowsIn(path).filter((row) => row.instance === instance).map(({ instance: _, ...row }) => row);
}

function rowsIn(path: string): ToyRow[] {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function keyOf({ instance, name, labels, aggFunc, windowStartMs, windowEndMs }: ToyRow): string {
  return JSON.stringify([instance, name, labels, aggFunc, windowStartMs, windowEndMs]);
}

const SETTINGS = {
  TOY_PATH: optional(path("the path of a file"), {
    help: "file of the toy",
    example: "/srv/toy.json",
    needed: true,
  }),
  TOY_TOKEN: optional(anyText("<token>", "any text"), {
    help: "what the toy asks for",
    example: "TOY_TOKEN_FILE=/run/secrets/toy",
    secret: true,
  }),
  TOY_COLOUR: withDefault(anyText("<colour>", "any text"), "red", { help: "its colour", example: "blue" }),
};

export const TOY_SINK = sinkConnector({
  kind: "toy",
  title: "Toy",
  settings: SETTINGS,
  configure(scope): ToyConfig {
    const { TOY_PATH, TOY_COLOUR: colour } = scope.values;
    return {
      path: scope.absolute(TOY_PATH ?? ""),
      token: scope.required("TOY_TOKEN", "since the toy asks for it"),
      colour,
    };
  },
  targetsOf: ({ path }) => [path],
  secretsOf: ({ token }) => [token],
  create: (config, surroundings) => Promise.resolve(new ToySink(config, surroundings)),
  readBack: { scan: "the whole toy" },
});
