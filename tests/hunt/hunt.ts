import type { Hunt } from "./plan.ts";

/**
 * Runs one hunt and passes its output on.
 *
 * @param write Gets the output as it comes.
 * @returns The commands that show its findings again; none: there are no findings.
 */
export async function findingsOf(
  { script, args }: Hunt,
  write: (bytes: Uint8Array) => void,
): Promise<string[]> {
  // One pipe keeps the order of both outputs. The shell is replaced by the program.
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>&1', "sh", Deno.execPath(), "run", "--allow-all", script, ...args],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    write(bytes);
    output += decoder.decode(bytes, { stream: true });
  }
  const { success } = await child.status;
  if (success) return [];
  const replays = [...output.matchAll(/^\s*replay: (.+)$/gim)].map(([, command]) => command!);
  return replays.length > 0 ? replays : [`scripts/deno.sh run --allow-all ${script} ${args.join(" ")}`];
}
