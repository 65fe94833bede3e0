/** The figures of a load test as text, and where they bend. */

/** What `deploy/load/locustfile.py` writes. */
export interface LoadFigures {
  /** Events that were answered as taken. */
  readonly taken: number;
  /** Events of a request that writes. */
  readonly events: number;
  readonly steps: readonly LoadStep[];
}

/** Of one number of users. */
export interface LoadStep {
  readonly users: number;
  readonly seconds: number;
  /** Processors in use, 1 being all of one. `target` is the measured process. */
  readonly cpu: { readonly locust: number; readonly target?: number };
  /** By method and path. */
  readonly requests: Readonly<Record<string, RequestFigures>>;
}

interface RequestFigures {
  /** Answered, failed ones among them. */
  readonly count: number;
  readonly failed: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** Less than this share of what a user of the first step gets is beyond the bend. */
const BEND_SHARE = 0.8;

/**
 * The table in Markdown, a line for each step and kind of request, and below it where it bends.
 *
 * @throws {Error} when there are no steps.
 */
export function loadReport({ steps, events }: LoadFigures): string {
  const lines = steps.flatMap(({ users, seconds, cpu, requests }) =>
    Object.entries(requests).map(([name, { count, failed, p50_ms, p99_ms }]) => {
      const perSecond = (count - failed) / seconds;
      return [
        users,
        name,
        Math.round(perSecond),
        name.startsWith("POST") ? Math.round(perSecond * events) : "",
        failed,
        Math.round(p50_ms),
        Math.round(p99_ms),
        percent(cpu.target),
        percent(cpu.locust),
      ];
    })
  );
  return [
    "users | request | requests/s | events/s | failed | p50, ms | p99, ms | its CPU | Locust's CPU",
    "---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---:",
    ...lines.map((cells) => cells.join(" | ")),
  ].map((line) => `| ${line} |`).join("\n") + `\n\n${bendOf(steps)}`;
}

function percent(share: number | undefined): string {
  return share === undefined ? "" : `${Math.round(share * 100)} %`;
}

/**
 * Where more users do not get more: the first step in which a user gets fewer than four fifths of the
 * requests of a user of the first step.
 *
 * @throws {Error} when there are no steps.
 */
export function bendOf(steps: readonly LoadStep[]): string {
  const [first] = steps;
  if (first === undefined) throw new Error("no step of the load test has figures");
  const least = perUser(first) * BEND_SHARE;
  const bend = steps.findIndex((step) => perUser(step) < least);
  if (bend < 0) return `It does not bend up to ${steps.at(-1)!.users} users.`;
  const [before, after] = [steps[bend - 1]!, steps[bend]!];
  return `It bends between ${before.users} and ${after.users} users, at about ${
    Math.round(Math.max(perSecond(before), perSecond(after)))
  } requests/s.`;
}

function perUser(step: LoadStep): number {
  return perSecond(step) / step.users;
}

function perSecond({ requests, seconds }: LoadStep): number {
  return Object.values(requests).reduce((sum, { count, failed }) => sum + count - failed, 0) / seconds;
}
