import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { commitOffsets, findCoordinator, type TopicPartition } from "./offset_requests.ts";

/** Between two commits. Nothing depends on them but what lag tools show. */
const COMMIT_INTERVAL_MS = 2000;

/**
 * The group of a source. Sinks have `vabus-data-handler.` or `vabus-data-handler-` at the beginning of
 * theirs, so no name of an instance makes the two the same.
 */
export function groupOf(instance: string): string {
  return `vabus-data-handler_source.${instance}`;
}

/** Commits offsets to a group, so that Kafka's own tools show how far behind this reader is. */
export class GroupCommits {
  private readonly noted = new Map<string, TopicPartition & { readonly offset: number }>();
  private isAtWork = false;
  private hasWarned = false;

  constructor(
    private readonly group: string,
    private readonly cluster: KafkaCluster,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly signal: AbortSignal,
  ) {}

  /** Notes an offset for the next commit. */
  note(of: TopicPartition, offset: number): void {
    this.noted.set(`${of.topic}/${of.partition}`, { ...of, offset });
    if (!this.isAtWork && !this.signal.aborted) void this.work();
  }

  /** Commits what is noted. Never rejects. */
  async commit(signal: AbortSignal): Promise<void> {
    const offsets = [...this.noted.values()];
    this.noted.clear();
    if (offsets.length === 0) return;
    const { cluster, group } = this;
    try {
      // The group's broker may change, so it is looked for each time.
      const any = await cluster.anyConnection(signal);
      const address = await findCoordinator(any, group);
      await commitOffsets(await cluster.connectionAt(address, "questions", signal), group, offsets);
      this.hasWarned = false;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (!this.hasWarned && !signal.aborted) {
        this.logger.warn(
          `the offsets could not be committed to the group, so Kafka's tools do not show them; no event ` +
            `depends on it: ${error.message}`,
          { bus: cluster.name, group },
        );
      }
      this.hasWarned = true;
    }
  }

  private async work(): Promise<void> {
    this.isAtWork = true;
    while (this.noted.size > 0 && !this.signal.aborted) {
      await this.clock.sleep(COMMIT_INTERVAL_MS, this.signal);
      if (!this.signal.aborted) await this.commit(this.signal);
    }
    this.isAtWork = false;
  }
}
