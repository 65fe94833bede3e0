import { createHash } from "node:crypto";
import { meet, plainFilter } from "./topic_filter.ts";

/** Greatest identifier of a subscription in MQTT 5. */
const IDENTIFIER_MAX = 0x0fffffff;

/**
 * The filters of a session. A broker may send a message once for each filter that it matches, and nothing
 * else tells such copies from messages that are alike. So filters that overlap have identifiers, by which the
 * broker says for which of them it sends.
 */
export class Subscriptions {
  /** Two filters that match a topic together; undefined: there are none. */
  readonly overlap: readonly [string, string] | undefined;
  private readonly ids: ReadonlyMap<string, number>;

  constructor(readonly filters: readonly string[]) {
    this.overlap = overlapOf(filters);
    this.ids = new Map(this.overlap && filters.map((filter) => [filter, identifierOf(filter)]));
  }

  /** The identifier that a filter is subscribed with; undefined: it needs none. */
  idOf(filter: string): number | undefined {
    return this.ids.get(filter);
  }

  /**
   * Whether a message is sent for other filters than the first that it matches and that no group shares: that
   * one brings it as well.
   *
   * @param sentFor Identifiers; undefined: the broker does not say.
   */
  isCopy(topic: string, sentFor: readonly number[] | undefined): boolean {
    if (this.overlap === undefined || sentFor === undefined) return false;
    const matching = this.filters.filter((filter) => meet(filter, topic));
    // What a group shares may go to another member of it.
    const first = matching.find((filter) => plainFilter(filter) === filter) ?? matching[0];
    // What waited for a filter of former days has no copy among these.
    const isForOne = first !== undefined &&
      this.filters.some((filter) => sentFor.includes(this.idOf(filter)!));
    return isForOne && !sentFor.includes(this.idOf(first)!);
  }
}

function overlapOf(filters: readonly string[]): readonly [string, string] | undefined {
  for (const [i, filter] of filters.entries()) {
    const other = filters.slice(i + 1).find((next) => meet(filter, next));
    if (other !== undefined) return [filter, other];
  }
  return undefined;
}

/** The same in each life of the handler, and wherever the filter stands among others. */
function identifierOf(filter: string): number {
  return createHash("sha256").update(filter).digest().readUInt32BE(0) % IDENTIFIER_MAX + 1;
}
