import { REGISTRY } from "../../src/runtime/registry.ts";
import { type BusConfig, loadBusConfig as loadBusConfigOf } from "../../src/settings/bus_config.ts";
import { type Config, loadConfig as loadConfigOf } from "../../src/settings/config.ts";
import type { BusSettings } from "../../src/settings/declaration.ts";
import type { RuleChecks } from "../../src/settings/rule_checks.ts";
import type { Sources } from "../../src/settings/settings.ts";

/** A machine of which nothing is known but what a test says. */
export function sourcesOf(
  known: {
    readonly flags?: Record<string, string>;
    readonly environment?: Record<string, string | undefined>;
    /** By absolute path; an error is what reading it throws. */
    readonly files?: Record<string, string | Error>;
    /** Files that every user may read. */
    readonly open?: readonly string[];
    readonly envFile?: string;
    readonly hostName?: string;
    readonly isTerminal?: boolean;
  } = {},
): Sources {
  return {
    flags: known.flags ?? {},
    environment: { HOME: "/home/vabus", ...known.environment },
    envFile: known.envFile,
    workingDirectory: "/srv",
    hostName: known.hostName ?? "edge7",
    isTerminal: known.isTerminal ?? false,
    readFile: (path) => {
      const content = known.files?.[path];
      if (content instanceof Error) throw content;
      return content;
    },
    distrust: () => undefined,
    isOpen: (path) => known.open?.includes(path) ?? false,
  };
}

/** The settings of the program's connectors. */
export const CATALOGUE = REGISTRY.catalogue;
export const { givenNames: GIVEN_NAMES, names: VARIABLE_NAMES } = CATALOGUE;

export function loadConfig(sources: Sources, routes: RuleChecks["routes"] = () => []): Config {
  return loadConfigOf(sources, CATALOGUE, { routes, functions: () => [], events: () => [] });
}

export function loadBusConfig(sources: Sources): BusConfig {
  return loadBusConfigOf(sources, CATALOGUE);
}

/** What the configuration has made of the buses. */
export function busesOf({ sources }: Config) {
  return sources.map(({ options }) =>
    options as {
      readonly mode: "log" | "queue";
      readonly address: BusSettings;
    }
  );
}

export function busUrlsOf({ sources }: Config): string[] {
  return sources.map(({ url }) => url);
}
