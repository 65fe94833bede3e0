/** Runs a program. Returns the end of what it has to say where it fails; undefined: it succeeded. */
export async function runQuietly(program: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(program, { args, stdin: "null", stdout: "null" })
      .output();
    return success ? undefined : new TextDecoder().decode(stderr).trim().slice(-500) || "it failed";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
