/** The shell scripts that start the program, from their parts in `launcher/`. */
import { TELEMETRY } from "../src/settings/telemetry_variables.ts";
import { isReadFromFile } from "../src/settings/variable.ts";
import { VERSION } from "../src/version.ts";
import { HOME_SECRETS, PERMISSION_FLAGS } from "./permissions.ts";

/** An event allocates little. So a small young generation costs no time and saves some ten megabytes. */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=2";

const PARTS = ["environment", "signals", "unpacking", "starting"];

/** @param values What the script of that kind needs beside what all of them do, by its name between `@`. */
export async function launcherText(
  kind: "self_extracting" | "installed",
  commit: string,
  values: Readonly<Record<string, string>>,
): Promise<string> {
  const parts = await Promise.all(
    PARTS.map(async (part) => [part.toUpperCase(), (await fileText(part)).trimEnd()] as const),
  );
  const all: Record<string, string> = { ...await sharedValues(commit), ...values };
  const script = filled(await fileText(kind), Object.fromEntries(parts));
  return filled(script, all);
}

/** A name without a value stays. */
function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/@([A-Z_]+)@/g, (mark, name: string) => values[name] ?? mark);
}

async function sharedValues(commit: string): Promise<Record<string, string>> {
  return {
    VERSION,
    COMMIT: commit,
    ENGINE_FLAGS: V8_FLAGS,
    // Quoted, since the asterisks are for Deno and not for the shell. Only the launcher knows the home
    // directory with the secrets below it.
    PERMISSIONS: PERMISSION_FLAGS.map((flag) =>
      `'${flag}'${/^--deny-(read|write)=/.test(flag) ? '"$secrets"' : ""}`
    ).join(" "),
    HOME_SECRETS: HOME_SECRETS.join(" "),
    TELEMETRY_SETTINGS: Object.entries(TELEMETRY).flatMap(([name, variable]) =>
      isReadFromFile(variable) ? [name, `${name}_FILE`] : [name]
    ).join(" | "),
    PLATFORM: await platform(),
  };
}

function fileText(name: string): Promise<string> {
  return Deno.readTextFile(new URL(`launcher/${name}.sh`, import.meta.url));
}

async function platform(): Promise<string> {
  const { stdout } = await new Deno.Command("uname", { args: ["-sm"], stdin: "null" }).output();
  return new TextDecoder().decode(stdout).trim();
}
