/** Programs of others that a test runs to their end, with nothing on their stdin. */
import assert from "node:assert/strict";

export interface Outcome {
  readonly code: number;
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program says; it may fail. @throws where it cannot be started. */
export async function outcomeOf(program: string, ...args: string[]): Promise<Outcome> {
  const { code, success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { code, success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What a program that must not fail prints. */
export async function outputOf(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await outcomeOf(program, ...args);
  assert.ok(success, `${program} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}
