import type { HandlerLaunch } from "../demo/handler_process.ts";
import type { CommandContext } from "./command.ts";
import { handlerSettings } from "./demo_config.ts";
import { ownProgram } from "./invoked_as.ts";
import { ENDS_WITH_STDIN } from "./parent_process.ts";

/**
 * What the handler gets of this process's environment: where it may unpack itself and keep caches, how its
 * runtime works, who the operator is, and the clock, where a library has put another one before the program.
 * None of it is a setting, which the handler has from the demo alone.
 */
const INHERITED =
  /^(?:PATH|HOME|USER|LOGNAME|SUDO_USER|TZ|TMPDIR|XDG_CACHE_HOME|CACHE_DIRECTORY|(?:DENO|MALLOC|CLOCK_AHEAD)_\w+|LD_PRELOAD)$/;

/**
 * The handler of the demo as a process: `run`, with settings that all come from the environment.
 *
 * @param addresses The settings that the demo has chosen itself, beside its own ones.
 */
export function handlerLaunch(
  { config, sources }: CommandContext,
  addresses: Readonly<Record<string, string>>,
  inbox: HandlerLaunch["addresses"][number],
): HandlerLaunch {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name, value]) =>
    value !== "" && INHERITED.test(name)
  );
  const { httpListen } = config;
  return {
    // An empty file of settings: one in the working directory would be somebody else's.
    command: [...ownProgram(), "run", "--env-file", "/dev/null"],
    environment: {
      ...Object.fromEntries(inherited),
      ...handlerSettings(sources, addresses),
      [ENDS_WITH_STDIN]: "1",
    },
    addresses: [inbox, ...(httpListen === undefined ? [] : [httpListen])],
  };
}
