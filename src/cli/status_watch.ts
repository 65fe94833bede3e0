import { realPathOf } from "../platform/file/absence.ts";
import { PIPELINE } from "../api/pipeline_endpoint.ts";
import type { PipelineRecord } from "../control/pipeline_record.ts";
import { type Glance, liveGlance, storedGlance } from "../control/glance.ts";
import { GlanceRates } from "../control/glance_rates.ts";
import { isRunningIn, statusIn } from "../control/status.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { Screen } from "../platform/terminal/screen.ts";
import { writeStderr } from "../platform/terminal/streams.ts";
import { terminalStyle } from "../platform/terminal/style.ts";
import { STATE_FILE_NAME } from "../state/file/state_directory.ts";
import { StateError } from "../state/file/state_error.ts";
import type { Config } from "../settings/config.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { glanceLine, glanceScreen, type Seen } from "./glance_view.ts";
import { EXPOSED_TOKEN, ListenerClient } from "./listener_client.ts";
import { ListenerError } from "./listener_error.ts";

const SCREEN_INTERVAL_MS = 1000;
/** How often a line is written to a file or a pipe. */
const LINE_INTERVAL_MS = 5000;
/** Reading the state takes a tenth of the time at most: the handler needs the machine more. */
const REST_FACTOR = 10;

const SHOWN_IS_STATE = "What is shown is the state, without what only the handler knows.";
const NO_LISTENER = `HTTP_LISTEN is off. ${SHOWN_IS_STATE}`;

/** Shows the status again and again, until the signal fires or `q` is pressed. */
export async function watchStatus(context: CommandContext, url: string | undefined): Promise<ExitCode> {
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const client = ListenerClient.of(context.config, url);
  if (client?.exposesToken) writeStderr(EXPOSED_TOKEN);
  const watch = new StatusWatch(context, client, url !== undefined, signal);
  try {
    if (Screen.isThere()) await onScreen(watch, signal, () => ended.abort());
    else await inLines(watch, signal, context.write);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return EXIT.done;
}

async function onScreen(watch: StatusWatch, signal: AbortSignal, end: () => void): Promise<void> {
  // Errors at the first glance belong on the usual screen.
  let seen = await watch.look();
  const style = terminalStyle();
  const draw = () => screen.draw(glanceScreen(seen, screen.size, style));
  const screen = Screen.enter((key) => key === "q" || key === "Q" ? end() : undefined, () => draw());
  try {
    while (!signal.aborted) {
      draw();
      await systemClock.sleep(Math.max(SCREEN_INTERVAL_MS, watch.restMs), signal);
      if (!signal.aborted) seen = await watch.look();
    }
  } finally {
    screen.end();
  }
}

async function inLines(
  watch: StatusWatch,
  signal: AbortSignal,
  write: (text: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    write(glanceLine(await watch.look()));
    await systemClock.sleep(Math.max(LINE_INTERVAL_MS, watch.restMs), signal);
  }
}

/** Looks at a handler: over its listener, or where that does not answer at its state. */
class StatusWatch {
  /** How long to wait at least before the next look, ms. */
  restMs = 0;
  private readonly rates = new GlanceRates();
  private readonly liveRates = new GlanceRates();
  /** The last answer of the listener. */
  private last: Seen | undefined;

  constructor(
    private readonly context: CommandContext,
    private readonly client: ListenerClient | undefined,
    /** Whether nothing but the listener is asked for. */
    private readonly isRemote: boolean,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * @throws {ListenerError} Of a listener that the operator has named, at the first look.
   * @throws {StateError}
   */
  async look(): Promise<Seen> {
    const { client } = this;
    if (client === undefined) return this.stored(NO_LISTENER);
    try {
      const glance = liveGlance(await client.get<PipelineRecord>("/api/pipeline", PIPELINE, this.signal));
      const other = this.isRemote ? undefined : otherState(this.context.config, client.url, glance);
      if (other !== undefined) return this.stored(other);
      this.restMs = 0;
      return this.last = { glance, rates: this.liveRates.add(glance), from: client.url, note: undefined };
    } catch (error) {
      if (!(error instanceof ListenerError)) throw error;
      if (!this.isRemote) return this.stored(`${error.message} ${SHOWN_IS_STATE}`);
      if (this.last === undefined) throw error;
      return { ...this.last, note: `${error.message} What is shown is older.` };
    }
  }

  private stored(note: string): Seen {
    const { stateDir } = this.context.config;
    const beganMs = performance.now();
    try {
      const glance = storedGlance(statusIn(stateDir, Date.now()), isRunningIn(stateDir));
      return { glance, rates: this.rates.add(glance), from: "the state, as of its last checkpoint", note };
    } catch (error) {
      if (!(error instanceof StateError) || error.kind !== "missing") throw error;
      throw new StateError(error.kind, `${note} ${error.message}`);
    } finally {
      this.restMs = REST_FACTOR * (performance.now() - beganMs);
    }
  }
}

/** What to say where the listener is that of another handler than the state's; undefined: it is not. */
function otherState(
  { stateDir, texts }: Config,
  url: string,
  { instance, stateFile }: Glance,
): string | undefined {
  const own = realPathOf(`${stateDir}/${STATE_FILE_NAME}`);
  if (own === undefined && texts.get("STATE_DIR") === undefined) return undefined;
  if (own === (realPathOf(stateFile) ?? stateFile)) return undefined;
  return `${url} is the handler ${instance} of another state, ${stateFile}: set HTTP_LISTEN or --url. ` +
    SHOWN_IS_STATE;
}
