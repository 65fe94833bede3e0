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
