import { Command as Parser, Option, type OutputConfiguration } from "commander";
import { ConfigError, type Fault } from "../settings/fault.ts";
import { nearMiss } from "../settings/near_miss.ts";
import type { Catalogue } from "../settings/catalogue.ts";
import { flagOf } from "../settings/variable.ts";
import type { Registry } from "../runtime/registry.ts";
import { versionLine } from "../version.ts";
import type { AnyCommand } from "./command.ts";
import { commandsOf, DEFAULT_COMMAND, FAMILIES } from "./commands.ts";
import { commandHelp, DESCRIPTION, generalHelp, PROGRAM, settingHelp } from "./help.ts";
import type { CommandOption } from "./option.ts";

/** A parsed command line. */
export interface Invocation {
  readonly command: AnyCommand;
  /** Flags of the configuration, by the name of their variable. */
  readonly flags: Readonly<Record<string, string>>;
  readonly envFile: string | undefined;
  /** The command's own options. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The faults of the command line. */
  readonly faults: readonly Fault[];
  /** The command line that prints the help. */
  readonly help: string;
}

/**
 * Reads a command line.
 *
 * @throws {CommanderError} after help or version was printed, or where a flag at the end lacks its value.
 */
export function parseCommandLine(
  args: readonly string[],
  registry: Registry,
  output: OutputConfiguration,
): Invocation {
  const commands = commandsOf(registry);
  const { catalogue } = registry;
  let invocation: Invocation | undefined;
  /** Gives a command what it understands. Only that of the command line needs it: settings are many. */
  const preparations = new Map<Parser, () => void>();
  const withHabits = (parser: Parser) =>
    parser.version(versionLine()).exitOverride().configureOutput(output)
      .showHelpAfterError(adviceOf(`${parser.name()} --help`.replace(`${PROGRAM} `, "")))
      .hook("preSubcommand", (_, member) => preparations.get(member)?.());

  const root = withHabits(new Parser(PROGRAM))
    .description(DESCRIPTION)
    .addHelpText("after", generalHelp());
  /** By their first word: families, and commands whose name is the first word of another one. */
  const families = new Map<string, Parser>();
  for (const [word, summary] of Object.entries(FAMILIES)) {
    families.set(
      word,
      withHabits(new Parser(word)).description(summary).allowUnknownOption().allowExcessArguments(),
    );
  }
  for (const command of commands) {
    const words = command.name.split(" ");
    const parser = withHabits(new Parser(words.at(-1)))
      .summary(command.summary)
      .description(`${command.name}: ${command.summary}. ${command.details}`)
      .usage("[flags]")
      // Unknown words are reported together with all other faults.
      .allowUnknownOption()
      .allowExcessArguments();
    preparations.set(parser, () => {
      const flags = addFlags(parser.addHelpText("after", commandHelp(command)), command, catalogue, args);
      parser.action(() => {
        invocation = understand(command, commands, parser, flags, args);
      });
    });
    const family = words.length > 1 ? families.get(words[0]!)! : root;
    family.addCommand(parser, { isDefault: command.name === DEFAULT_COMMAND });
    if (family !== root && family.parent === null) root.addCommand(family);
    if (family === root) families.set(command.name, parser);
  }
  for (const word of Object.keys(FAMILIES)) {
    const family = families.get(word)!;
    family.action(() => refuseMember(word, family));
  }
  root.parse(args, { from: "user" });
  return invocation!;
}

interface Flags {
  readonly own: readonly (readonly [key: string, option: CommandOption<unknown>, flag: Option])[];
  readonly envFile: Option;
  readonly settings: readonly (readonly [variable: string, flag: Option])[];
}

function addFlags(parser: Parser, command: AnyCommand, catalogue: Catalogue, args: readonly string[]): Flags {
  const own = Object.entries(command.options).map(([key, option]) => {
    const flag = new Option(option.flags, option.help);
    if (flag.required) flag.argParser((text, previous: string[] = []) => [...previous, text]);
    return [key, option, flag] as const;
  });
  const envFile = new Option("--env-file <path>", "file of settings to read instead of .env");
  const settings = [
    ...catalogue.names.flatMap((name) => settingFlags(name, catalogue, command)),
    ...namedSinkFlags(catalogue, args),
  ];
  for (const flag of [...own.map(([, , flag]) => flag), envFile, ...settings.map(([, flag]) => flag)]) {
    parser.addOption(flag);
  }
  return { own, envFile, settings };
}

/** The flag of a variable and the flag of its file. */
function settingFlags(
  name: string,
  catalogue: Catalogue,
  { concerns, defaults }: AnyCommand,
): [variable: string, flag: Option][] {
  const { group, variable: { type } } = catalogue.entry(name);
  const help = settingHelp(name, catalogue, defaults?.[name]);
  const flags: [string, Option][] = [[name, new Option(`${flagOf(name)} ${type.placeholder}`, help)]];
  const file = catalogue.fileVariable(name);
  if (file !== undefined) flags.push([file, new Option(`${flagOf(file)} <path>`, `file that holds ${name}`)]);
  for (const [, flag] of flags) flag.helpGroup(`${group}:`).hideHelp(!concerns.includes(name));
  return flags;
}

/**
 * The ids of sinks are not known before the settings are read. Until then, every flag that ends like the flag
 * of a sink is accepted.
 */
function namedSinkFlags(catalogue: Catalogue, args: readonly string[]): [variable: string, flag: Option][] {
  const given = new Set(
    args.flatMap((arg) => /^--[a-z][a-z0-9-]*(?=$|=)/.exec(arg)?.[0] ?? [])
      .map((flag) => flag.slice(2).replaceAll("-", "_").toUpperCase()),
  );
  return [...given].flatMap((name): [string, Option][] => {
    const meant = catalogue.givenNames.includes(name) ? undefined : catalogue.ofUnnamedSink(name);
    if (meant === undefined) return [];
    const placeholder = catalogue.has(meant.name)
      ? catalogue.variable(meant.name).type.placeholder
      : "<path>";
    return [[name, new Option(`${flagOf(name)} ${placeholder}`).hideHelp()]];
  });
}

/** The second word of a two-word command is unknown. */
function refuseMember(word: string, family: Parser): never {
  const [member] = family.args;
  if (member === undefined) return family.help({ error: true });
  const members = family.commands.map((parser) => parser.name());
  const subject = isFlag(member) ? member.split("=")[0]! : `${word} ${member}`;
  const problem = isFlag(member)
    ? `comes too early; ${word} wants its second word first`
    : `is no command${hint(nearMiss(member, members))}`;
  throw new ConfigError([{ subject, problem, allowed: members.join(", ") }], adviceOf(`${word} --help`));
}

/** @param args The command line that prints the help. */
export function adviceOf(args: string): string {
  return `Run \`${PROGRAM} ${args}\` to see what there is.`;
}

function understand(
  command: AnyCommand,
  commands: readonly AnyCommand[],
  parser: Parser,
  flags: Flags,
  args: readonly string[],
): Invocation {
  const words = [...new Set(commands.map(({ name }) => name.split(" ")[0]!))];
  const unknown = unknownCommand(command, words, parser, args);
  const faults = unknown === undefined ? unknownArguments(command, words, parser) : [unknown];
  const values = parser.opts<Record<string, string | string[] | true | undefined>>();
  const valueOf = (flag: Option) => values[flag.attributeName()];
  const options = flags.own.map(([key, option, flag]) => {
    const value = valueOf(flag);
    const texts = Array.isArray(value) ? value : [];
    return [key, option.read({ isThere: value !== undefined, texts }, faults)] as const;
  });
  const settings = flags.settings.flatMap(([name, flag]) => {
    const value = valueOf(flag);
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return {
    command,
    flags: Object.fromEntries(settings),
    envFile: valueOf(flags.envFile) as string | undefined,
    options: Object.fromEntries(options),
    faults,
    help: unknown === undefined ? `${command.name} --help` : "--help",
  };
}

/** A first word that is neither a command nor a flag is a misspelt command, whose flags cannot be checked. */
function unknownCommand(
  command: AnyCommand,
  words: readonly string[],
  parser: Parser,
  args: readonly string[],
): Fault | undefined {
  const [subject] = parser.args;
  if (
    command.name !== DEFAULT_COMMAND || subject === undefined || subject !== args[0] || isFlag(subject) ||
    words.includes(subject)
  ) {
    return undefined;
  }
  return {
    subject,
    problem: `is no command${hint(nearMiss(subject, words) ?? asFlag(subject))}`,
    allowed: words.join(", "),
  };
}

function asFlag(word: string): string | undefined {
  const meant = nearMiss(word, ["version"]);
  return meant === undefined ? undefined : `--${meant}`;
}

/** The value of an unknown flag is never shown: it might be a secret. */
function unknownArguments(command: AnyCommand, words: readonly string[], parser: Parser): Fault[] {
  const faults: Fault[] = [];
  const known = [...parser.options.map(({ long }) => long!), "--help"];
  let isAfterFlag = false;
  for (const argument of parser.args) {
    if (isFlag(argument)) {
      const [flag] = argument.split("=") as [string];
      const meant = nearMiss(flag.toLowerCase().replaceAll("_", "-"), known);
      const problem = known.includes(flag)
        ? "takes no value; leave out what stands behind it"
        : `is no flag of ${command.name}${hint(meant)}`;
      faults.push({ subject: flag, problem });
    } else if (words.includes(argument)) {
      faults.push({
        subject: argument,
        problem: argument === command.name
          ? "is there twice"
          : "comes too late; the command stands before its flags",
      });
    } else if (!isAfterFlag) {
      faults.push({
        subject: "an argument",
        problem: `belongs to no flag; ${command.name} takes flags alone, and values with spaces in quotes`,
      });
    }
    isAfterFlag = isFlag(argument);
  }
  return faults;
}

function isFlag(argument: string): boolean {
  return argument.length > 1 && argument.startsWith("-");
}

function hint(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}
