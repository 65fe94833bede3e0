// First and alone: a signal that comes while the program is loaded must find its listener.
import { shutdown } from "./cli/signals.ts";

const { runProgram } = await import("./cli/program.ts");
Deno.exit(await runProgram(Deno.args, shutdown));
