// This import comes first: signals must have a listener while the rest of the program is loaded.
import { shutdown } from "./cli/signals.ts";

const { runProgram } = await import("./cli/program.ts");
Deno.exit(await runProgram(Deno.args, shutdown));
