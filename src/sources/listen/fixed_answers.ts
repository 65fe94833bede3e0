import type { Answer } from "./decoder.ts";

const JSON_TYPE = { "content-type": "application/json" };
/** The version of InfluxDB whose paths these are. Clients choose by it how they write. */
const INFLUX_VERSION = { "x-influxdb-version": "1.8" };

/** What `/healthz` tells of the inbox, as protocol v1 has it. */
export interface InboxHealth {
  readonly log: string;
  readonly first: number;
  readonly next: number;
}

/** What clients ask for before they write; undefined: there is no such thing. */
export function fixedAnswer(
  { pathname, searchParams }: URL,
  method: string,
  health: () => InboxHealth,
): Answer | undefined {
  switch (pathname) {
    case "/ping":
      return searchParams.get("verbose") === "true"
        ? { status: 200, headers: { ...JSON_TYPE, ...INFLUX_VERSION }, body: '{"version":"1.8"}' }
        : { status: 204, headers: INFLUX_VERSION, body: "" };
    case "/query":
      // Telegraf creates its database by it.
      return method === "GET" || method === "POST"
        ? {
          status: 200,
          headers: { ...JSON_TYPE, ...INFLUX_VERSION },
          body: '{"results":[{"statement_id":0}]}',
        }
        : undefined;
    case "/healthz":
      return { status: 200, headers: JSON_TYPE, body: JSON.stringify({ status: "ok", ...health() }) };
    default:
      return undefined;
  }
}
