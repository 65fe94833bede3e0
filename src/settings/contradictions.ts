import { join } from "node:path";
import { isLoopback } from "../platform/http/access.ts";
import type { Address, SinkFile, SinkRetention } from "./declaration.ts";
import type { AllSettings } from "./settings.ts";
import { wordOfSink } from "./sink_name.ts";
import type { CoreValues } from "./variables.ts";

/** A setting that cannot be in force beside another one. */
export interface Contradiction {
  readonly name: string;
  readonly problem: string;
}

/**
 * Warnings about settings that are valid alone and defeat each other.
 *
 * @param mayRepeat Whether there is a bus that may give an event again in a later read.
 */
export function doubtfulPairs(values: CoreValues, settings: AllSettings, mayRepeat: boolean): string[] {
  return [
    ...doubtfulTimes(values),
    ...doubtfulAmounts(values, mayRepeat),
    ...unusedSinks(values, settings),
    ...unusedTlsFiles(values, settings),
    ...doubtfulTokens(values),
    ...unreadTelemetry(settings),
  ];
}

/** Variables that send something elsewhere in other programs. */
function unreadTelemetry({ unread }: AllSettings): string[] {
  if (unread.length === 0) return [];
  return [
    `${unread.join(", ")}: set, but not read here, so nothing goes by ${
      unread.length === 1 ? "it" : "them"
    }; ` +
    "docs/settings.md has the variables of OpenTelemetry that are read",
  ];
}

/** Tokens of the admin listener that nobody can use, or that everybody on the way can read. */
function doubtfulTokens({ ADMIN_TOKEN, HTTP_CERT_FILE, HTTP_LISTEN, VIEWER_TOKEN }: CoreValues): string[] {
  const set = [VIEWER_TOKEN && "VIEWER_TOKEN", ADMIN_TOKEN && "ADMIN_TOKEN"].filter(Boolean).join(" and ");
  if (set === "") return [];
  if (HTTP_LISTEN === "off") return [`${set}: set, but HTTP_LISTEN is off, so nobody can use it`];
  if (isLoopback(HTTP_LISTEN.hostname) || HTTP_CERT_FILE !== undefined) return [];
  return [
    `${set}: sent over the network in the clear, since other hosts reach HTTP_LISTEN and it has no TLS: ` +
    "set HTTP_CERT_FILE and HTTP_KEY_FILE, or listen on 127.0.0.1 behind a proxy with TLS",
  ];
}

function doubtfulTimes(values: CoreValues): string[] {
  const { ALLOWED_LATENESS, CORRECTION_HORIZON, IDLE_TIMEOUT } = values;
  const longestMs = longestOf(values);
  const { MAX_FUTURE_SKEW, MAX_WAIT } = values;
  const warnings: string[] = [];
  if (CORRECTION_HORIZON === 0) {
    if (ALLOWED_LATENESS === 0) {
      warnings.push(
        "CORRECTION_HORIZON and ALLOWED_LATENESS are both 0: an event that comes a moment after a " +
          "newer one may be refused as late",
      );
    } else if (IDLE_TIMEOUT < ALLOWED_LATENESS) {
      warnings.push(
        `IDLE_TIMEOUT (${seconds(IDLE_TIMEOUT)}) is less than ALLOWED_LATENESS ` +
          `(${seconds(ALLOWED_LATENESS)}), and CORRECTION_HORIZON is 0: when a bus ` +
          "pauses, windows close before stragglers are waited for, and these are refused",
      );
    }
  } else if (CORRECTION_HORIZON < ALLOWED_LATENESS) {
    warnings.push(
      "CORRECTION_HORIZON is less than ALLOWED_LATENESS: stragglers will be refused as late",
    );
  } else {
    if (CORRECTION_HORIZON < MAX_FUTURE_SKEW + ALLOWED_LATENESS) {
      warnings.push(
        `CORRECTION_HORIZON (${seconds(CORRECTION_HORIZON)}) is less than ` +
          "MAX_FUTURE_SKEW + ALLOWED_LATENESS " +
          `(${seconds(MAX_FUTURE_SKEW + ALLOWED_LATENESS)}): a clock that is ahead ` +
          "by no more than is allowed can make honest events late. Raise the first or lower the second",
      );
    }
    if (CORRECTION_HORIZON < longestMs) {
      warnings.push(
        `CORRECTION_HORIZON (${seconds(CORRECTION_HORIZON)}) is less than AGGREGATION_INTERVAL (${
          seconds(longestMs)
        }): events of the first part of a window cannot correct it once it has closed`,
      );
    }
  }
  if (MAX_WAIT < ALLOWED_LATENESS) {
    warnings.push(
      `MAX_WAIT (${seconds(MAX_WAIT)}) is less than ALLOWED_LATENESS ` +
        `(${seconds(ALLOWED_LATENESS)}): while a bus is out of reach, windows close ` +
        "before stragglers are waited for, and come again corrected",
    );
  }
  return warnings;
}

function doubtfulAmounts(values: CoreValues, mayRepeat: boolean): string[] {
  const { DEDUP_MAX_IDS, HTTP_LISTEN, MAX_SERIES, METRICS_INTERVAL, OUTBOX_MAX_ROWS, VABUS_BATCH_SIZE } =
    values;
  const warnings: string[] = [];
  if (DEDUP_MAX_IDS > 0 && DEDUP_MAX_IDS < VABUS_BATCH_SIZE && mayRepeat) {
    warnings.push(
      `DEDUP_MAX_IDS (${DEDUP_MAX_IDS}) is less than VABUS_BATCH_SIZE (${VABUS_BATCH_SIZE}): an ` +
        "event that is repeated one fetch later is not known any more, and counts twice",
    );
  }
  if (OUTBOX_MAX_ROWS < MAX_SERIES) {
    warnings.push(
      `OUTBOX_MAX_ROWS (${OUTBOX_MAX_ROWS}) is less than MAX_SERIES (${MAX_SERIES}): a single window ` +
        "may fill the outbox, and fetching then stops at every window",
    );
  }
  if (METRICS_INTERVAL === 0 && HTTP_LISTEN === "off") {
    warnings.push(
      "METRICS_INTERVAL is 0 and HTTP_LISTEN is off: nobody gets metrics, and nobody can ask how the " +
        "handler is",
    );
  }
  return warnings;
}

/**
 * Settings of sinks that `STORAGE_TYPE` does not name. Mostly the operator has forgotten to add the sink
 * there.
 */
function unusedSinks({ STORAGE_TYPE }: CoreValues, { catalogue, given, unused }: AllSettings): string[] {
  const words = STORAGE_TYPE.map(wordOfSink);
  const set = [...catalogue.entries].flatMap(([name, { variable, sink }]) =>
    variable.needed && sink !== undefined && given.has(name) ? [{ name, word: wordOfSink(sink) }] : []
  );
  return [...set, ...unused].filter(({ word }) => !words.includes(word)).map(({ name, word }) =>
    `${name} is set, but nothing goes there: STORAGE_TYPE (${words.join(",")}) has no ${word}`
  );
}

function unusedTlsFiles(
  { VABUS_URL, DEFAULT_VABUS_URL }: CoreValues,
  { given, catalogue }: AllSettings,
): string[] {
  const file = (["VABUS_CA_FILE", "VABUS_CERT_FILE", "VABUS_KEY_FILE"] as const).find((name) =>
    given.has(name)
  );
  const urls = VABUS_URL ?? DEFAULT_VABUS_URL;
  const schemes = [...new Set(urls.flatMap(({ kind }) => catalogue.sourceOfKind(kind).schemes.tls))];
  if (file === undefined || urls.some(({ url }) => schemes.some((scheme) => url.startsWith(`${scheme}:`)))) {
    return [];
  }
  const missing = schemes.map((scheme) => `${scheme}://`).join(" or ");
  return [`${file} is set, but VABUS_URL has no ${missing}: the bus is read without TLS`];
}

/** The length of the longest windows, ms. */
function longestOf({ AGGREGATION_INTERVAL }: CoreValues): number {
  return AGGREGATION_INTERVAL.at(-1)!.lengthMs;
}

/** Sinks that would delete rows that late events can still correct. */
export function shortRetentions(
  values: CoreValues,
  retentions: readonly SinkRetention[],
): Contradiction[] {
  const leastMs = values.CORRECTION_HORIZON + longestOf(values);
  return retentions.filter(({ retentionMs }) => retentionMs < leastMs).map(({ setting }) => ({
    name: setting,
    problem:
      `is less than CORRECTION_HORIZON + AGGREGATION_INTERVAL (${
        seconds(leastMs)
      }): rows would be deleted that late ` +
      "events can still correct. Raise it, or lower CORRECTION_HORIZON",
  }));
}

/**
 * Settings that cannot be in force together.
 *
 * @param files Of the sinks.
 * @param addresses That are connected to.
 */
export function contradictions(
  values: CoreValues,
  stateDir: string,
  files: readonly SinkFile[],
  addresses: readonly Address[],
): Contradiction[] {
  const found: Contradiction[] = [];
  for (const { setting, path } of stateDir === "" ? [] : files) {
    if (STATE_FILES.some((file) => join(stateDir, file) === path)) {
      found.push({ name: setting, problem: "is a file of the state itself; take another name" });
    } else if (`${stateDir}/`.startsWith(`${path}/`)) {
      found.push({
        name: setting,
        problem: "is a directory, that of the state or one above it; name a file",
      });
    }
  }
  if (values.ADMIN_TOKEN !== undefined && values.ADMIN_TOKEN === values.VIEWER_TOKEN) {
    found.push({
      name: "ADMIN_TOKEN",
      problem: "is the same as VIEWER_TOKEN: who reads could change; take another",
    });
  }
  const taken = addresses.find(({ address }) => isSameAddress(values.HTTP_LISTEN, address));
  if (taken !== undefined) {
    found.push({
      name: "HTTP_LISTEN",
      problem: `is the address that ${taken.setting} names; the admin listener needs a port of its own`,
    });
  }
  return found;
}

const STATE_FILES = [
  ...["state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "state.sqlite-journal", "commits", "lock"],
  ...["figures.ndjson", "figures.ndjson.new", "figures.ndjson.set-aside"],
];

/** Whether something that listens at `listen` would be reached by `address` on this host. */
function isSameAddress(listen: CoreValues["HTTP_LISTEN"], address: string): boolean {
  if (listen === "off" || listen.port === 0) return false;
  const [, host = "", port] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (Number(port) !== listen.port) return false;
  const listensEverywhere = listen.hostname === "0.0.0.0" || listen.hostname === "::";
  const bare = (text: string) => text.replace(/^\[|\]$/g, "");
  return bare(host) === bare(listen.hostname) ||
    (isLoopback(bare(host)) && (listensEverywhere || isLoopback(bare(listen.hostname))));
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
