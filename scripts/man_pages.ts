/**
 * Writes the manual pages, vabus-data-handler(1) and, for the settings, vabus-data-handler(5). Both are made
 * from the declarations that the help is made from.
 *
 *   scripts/deno.sh run -A scripts/man_pages.ts --output DIRECTORY
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { AnyCommand } from "../src/cli/command.ts";
import { commandsOf, DEFAULT_COMMAND } from "../src/cli/commands.ts";
import { DESCRIPTION, EXAMPLES, EXIT_MEANINGS, PROGRAM } from "../src/cli/help.ts";
import { REGISTRY } from "../src/runtime/registry.ts";
import type { Catalogue } from "../src/settings/catalogue.ts";
import { factsOf } from "../src/settings/reference.ts";
import { flagOf } from "../src/settings/variable.ts";
import { mdoc, mdocText, mdocVerbatim } from "./mdoc.ts";
import { currentTimeMs } from "./source_version.ts";

const SUMMARY = "aggregates numeric events at the edge, and loses none";
const AS_WRITTEN = { prose: (text: string) => text, code: (text: string) => text };

/** @param date Of the sources, as `November 7, 2026`. */
export function commandsPage(date: string): string {
  return page(date, 1, [
    mdoc("Sh", "SYNOPSIS"),
    mdoc("Nm"),
    ".Op Ar command",
    ".Op Ar flags",
    mdoc("Sh", "DESCRIPTION"),
    ...mdocText(DESCRIPTION),
    mdoc("Pp"),
    ...mdocText(`The command is ${DEFAULT_COMMAND} where none is named.`),
    ...mdocText("Every setting is an environment variable and a flag; a flag beats the environment."),
    "Settings are in",
    `.Xr ${PROGRAM} 5 .`,
    mdoc("Sh", "COMMANDS"),
    ...commandsOf(REGISTRY).flatMap(commandLines),
    mdoc("Sh", "FILES"),
    ".Bl -tag -width Ds",
    mdoc("It Pa", `/etc/${PROGRAM}/env`),
    "Settings of the service.",
    mdoc("It Pa", `/var/lib/${PROGRAM}`),
    ...mdocText("State of the service, and its embedded SQLite sink."),
    ".El",
    mdoc("Sh", "EXIT STATUS"),
    ".Bl -tag -width Ds",
    ...EXIT_MEANINGS.flatMap(([code, meaning]) => [mdoc("It", `${code}`), ...mdocText(`${meaning}.`)]),
    mdoc("It", "128 + n"),
    "Ended by signal n before it was done.",
    ".El",
    mdoc("Sh", "EXAMPLES"),
    ...examples(EXAMPLES),
    mdoc("Sh", "SEE ALSO"),
    `.Xr ${PROGRAM} 5`,
  ]);
}

function commandLines({ name, summary, details, options, concerns, examples: shown }: AnyCommand): string[] {
  const all = REGISTRY.catalogue.names;
  const settings = concerns.length === all.length
    ? ["Every setting matters to it."]
    : concerns.length === 0
    ? []
    : mdocText(`Settings that matter to it: ${concerns.join(", ")}.`);
  return [
    mdoc("Ss", name),
    ...mdocText(`${sentence(summary)} ${details}`),
    ...settings,
    ".Bl -tag -width Ds",
    ...Object.values(options).flatMap(({ flags, help }) => [flagLine(flags), ...mdocText(sentence(help))]),
    flagLine("--env-file <path>"),
    "File of settings to read instead of",
    ".Pa .env .",
    ".El",
    ...examples(shown),
  ];
}

/** A flag in commander's notation, `--limit <count>`. */
function flagLine(flags: string): string {
  const [flag, placeholder] = flags.split(" ") as [string, string?];
  const value = placeholder?.replaceAll(/[<>[\]]/g, "");
  return mdoc("It Fl", flag.slice(1)) + (value === undefined ? "" : ` ${mdoc("Ar", value).slice(1)}`);
}

/** @param date As for {@link commandsPage}. */
export function settingsPage(date: string, catalogue: Catalogue = REGISTRY.catalogue): string {
  return page(date, 5, [
    mdoc("Sh", "DESCRIPTION"),
    "A setting is an environment variable and a flag of",
    `.Xr ${PROGRAM} 1 :`,
    mdoc("Ev", "AGGREGATION_INTERVAL"),
    "is",
    ...mdocText(`${flagOf("AGGREGATION_INTERVAL")}.`),
    ...mdocText(
      "A flag beats the environment, which beats the env file, which beats the default. The service reads " +
        `/etc/${PROGRAM}/env, one NAME=value a line, and reads it again at SIGHUP.`,
    ),
    mdoc("Pp"),
    ...mdocText(
      "Durations are plain seconds, or have a unit: 0.5, 10s, 1.5m, 1h, 1d. A secret may be read from " +
        "the file that the variable with _FILE behind its name has the path of. A sink with an id of its " +
        "own has the settings of its kind with the id before them.",
    ),
    mdoc("Sh", "ENVIRONMENT"),
    ...catalogue.groups.flatMap((group) => [
      mdoc("Ss", group),
      ".Bl -tag -width Ds",
      ...catalogue.names.filter((name) => catalogue.entry(name).group === group)
        .flatMap((name) => settingLines(name, catalogue)),
      ".El",
    ]),
    mdoc("Sh", "FILES"),
    ".Bl -tag -width Ds",
    mdoc("It Pa", `/etc/${PROGRAM}/env`),
    "Settings of the service.",
    ".El",
    mdoc("Sh", "SEE ALSO"),
    `.Xr ${PROGRAM} 1`,
  ]);
}

function settingLines(name: string, catalogue: Catalogue): string[] {
  const file = catalogue.fileVariable(name);
  return [
    mdoc("It Ev", name),
    ...mdocText(sentence(catalogue.variable(name).help)),
    ...factsOf(name, catalogue, AS_WRITTEN).flatMap(mdocText),
    ...file === undefined ? [] : mdocText(`May be read from a file, whose path is ${file}.`),
  ];
}

function page(date: string, section: 1 | 5, lines: readonly string[]): string {
  return [
    `.Dd ${date}`,
    `.Dt ${PROGRAM.toUpperCase()} ${section}`,
    ".Os",
    mdoc("Sh", "NAME"),
    mdoc("Nm", PROGRAM),
    mdoc("Nd", section === 1 ? SUMMARY : "settings of the handler"),
    ...lines,
    "",
  ].join("\n");
}

function examples(shown: AnyCommand["examples"]): string[] {
  return mdocVerbatim(shown.map(([args, effect]) => `# ${effect}\n${PROGRAM} ${args}`).join("\n"));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The time of the sources, for {@link commandsPage}. Outside of a checkout it is the present. */
export async function dateOfSources(): Promise<string> {
  const format = new Intl.DateTimeFormat("en-US", { dateStyle: "long", timeZone: "UTC" });
  return format.format(await currentTimeMs() ?? Date.now());
}

/** The pages by their file names. */
export async function manPages(): Promise<Record<string, string>> {
  const date = await dateOfSources();
  return { [`${PROGRAM}.1`]: commandsPage(date), [`${PROGRAM}.5`]: settingsPage(date) };
}

if (import.meta.main) {
  const { output } = parseArgs({ options: { output: { type: "string", default: "dist/man" } } }).values;
  await Deno.mkdir(output, { recursive: true });
  for (const [name, text] of Object.entries(await manPages())) {
    await Deno.writeTextFile(join(output, name), text);
  }
}
