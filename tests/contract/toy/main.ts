/**
 * The program with the toys of this folder as further connectors: one line in each registry, and no other
 * change.
 */
import { runProgram } from "../../../src/cli/program.ts";
import { shutdown } from "../../../src/cli/signals.ts";
import { Registry } from "../../../src/runtime/registry.ts";
import { SINKS } from "../../../src/sinks/registry.ts";
import { SOURCES } from "../../../src/sources/registry.ts";
import { TOY_SINK } from "./toy_sink.ts";
import { TOY_SOURCE } from "./toy_source.ts";

Deno.exit(
  await runProgram(Deno.args, shutdown, new Registry([...SINKS, TOY_SINK], [...SOURCES, TOY_SOURCE])),
);
