import { tierText } from "../aggregation/tier.ts";
import { refusedIn } from "../aggregation/event_books.ts";
import type { Status } from "../control/status.ts";
import { PLAIN_FUNCTIONS, PLAIN_SENSOR } from "../demo/plant.ts";
import type { Config } from "../settings/config.ts";
import { loopbackUrl } from "./health.ts";
import { invokedAs, shellWord } from "./invoked_as.ts";

/** What a demo tells a reader at its begin. */
export interface DemoFacts {
  readonly config: Config;
  readonly eventsPerSecond: number;
  readonly names: number;
  readonly busUrl: string;
  readonly inboxUrl: string;
  readonly sinkPath: string;
  /** Process of the handler. */
  readonly handler: number | undefined;
  /** What an earlier demo has left; undefined: nothing. */
  readonly earlier: Status | undefined;
  /** Whether its files stay. */
  readonly isKept: boolean;
}

/** Its first line is the dashboard's address. */
export function introduction(facts: DemoFacts): string {
  const { config, earlier } = facts;
  const url = dashboardUrl(config);
  return [
    `Dashboard: ${url === undefined ? "none, since HTTP_LISTEN is off" : `${url}/`}`,
    "",
    "VaBus Data Handler: a demo that needs nothing from outside. Ctrl-C ends it, with a proof.",
    ...(earlier === undefined ? [] : [`It goes on where an earlier one has left off: ${inWords(earlier)}`]),
    "",
    ...whatGoesIn(facts),
    ...whereToLook(facts),
    "",
    "",
  ].join("\n");
}

/** The address for a browser of this host; undefined: there is no admin listener. */
function dashboardUrl({ httpListen, httpTls }: Config): string | undefined {
  return httpListen && loopbackUrl(httpListen, httpTls !== undefined);
}

/** The books in words, so that everybody can see that the numbers add up. */
export function inWords({ counts, windows }: Status): string {
  const { received, aggregated, contributed, duplicate, dropped, lateArrivals } = counts;
  const open = windows.reduce((sum, { events }) => sum + events, 0);
  return `${number(received)} events received\n` +
    `  = ${number(aggregated)} aggregated + ${number(duplicate + dropped + refusedIn(counts))} refused;\n` +
    `  those count once for each interval and function: ${number(contributed - open)} in closed windows + ` +
    `${number(open)} in windows still open;\n` +
    `  ${number(lateArrivals)} of them came after their window had closed, and were counted all the same`;
}

function whatGoesIn({ busUrl, config, eventsPerSecond, inboxUrl, names }: DemoFacts): string[] {
  return [
    `  events      ${number(eventsPerSecond)} a second of ${
      number(names)
    } names; some come late, some are garbage`,
    `  bus         ${busUrl}/events?limit=5`,
    `  pushed      lines of a gateway; yours too: curl ${inboxUrl}/write -d 'press,machine=9 temperature=21'`,
    `  functions   ${PLAIN_FUNCTIONS.join(", ")} of ${PLAIN_SENSOR}; the other events name their own`,
    `  windows     ${config.intervals.map((tier) => `${tierText(tier)} s`).join(", ")}, closed ${
      config.allowedLatenessMs / 1000
    } s after their end, corrected by what comes later`,
  ];
}

function whereToLook({ config, handler, isKept, sinkPath }: DemoFacts): string[] {
  const program = invokedAs();
  const directory = shellWord(config.stateDir);
  const url = dashboardUrl(config);
  const where = url === undefined ? `--state-dir ${directory}` : `--url ${shellWord(url)}`;
  return [
    `  aggregates  ${sinkPath} (table aggregated_events)`,
    `  look also   ${program} status --state-dir ${directory}`,
    `  follow      ${program} status --watch ${where}`,
    `  tap         ${program} tap --name 'plant.line0.*' --aggregates ${where}`,
    `  refused     ${program} dead-letters list --state-dir ${directory}`,
    ...(url === undefined ? [] : [`  metrics     ${url}/metrics`]),
    `  kill it     kill -9 ${handler}   is for the handler: the demo starts it again, the numbers stay right`,
    isKept
      ? `              kill -9 ${Deno.pid}   is for all of it: start the same command again`
      : `              ${program} demo --state-dir ~/vabus-demo   may be killed as a whole and started again`,
  ];
}

function number(count: number): string {
  return count.toLocaleString("en");
}
