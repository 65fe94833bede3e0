// This import comes first: signals must have a listener while the rest of the program is loaded.
import { shutdown } from "./cli/signals.ts";
import { writeStderr, writeStdout } from "./platform/terminal/streams.ts";
import { versionLine } from "./version.ts";

// Only the demo starts a process, its handler. A compiled program has the permission for all commands.
if (Deno.args[0] !== "demo") Deno.permissions.revokeSync({ name: "run" });

// The rest takes much longer to load than this line to write. It also says why it cannot be written.
if (Deno.args.length === 1 && ["--version", "-V"].includes(Deno.args[0]!) && isVersionWritten()) Deno.exit(0);

const { runProgram } = await import("./cli/program.ts").catch(refuseToStart);
Deno.exit(await runProgram(Deno.args, shutdown));

function isVersionWritten(): boolean {
  try {
    writeStdout(`${versionLine()}\n`);
    return true;
  } catch {
    return false;
  }
}

/** The built program reads its other parts only now. */
function refuseToStart({ message }: Error): never {
  const reason = message.replace(/, run again with the --allow-.*$/s, "");
  writeStderr(
    `A part of this program cannot be loaded (${reason}). Install it again, or start its launcher.\n`,
  );
  Deno.exit(1);
}
