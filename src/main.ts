// This import comes first: signals must have a listener while the rest of the program is loaded.
import { shutdown } from "./cli/signals.ts";

// Only the demo starts a process, its handler. A compiled program has the permission for all commands.
if (Deno.args[0] !== "demo") Deno.permissions.revokeSync({ name: "run" });

const { runProgram } = await import("./cli/program.ts");
Deno.exit(await runProgram(Deno.args, shutdown));
