import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import type { GroupOffsets } from "./group_offsets.ts";
import type { TopicPartition } from "./offset_requests.ts";

/** Between two commits. Nothing depends on them but what lag tools show. */
const COMMIT_INTERVAL_MS = 2000;

/** Commits offsets to a group, so that Kafka's own tools show how far behind this reader is. */
export class GroupCommits {
  private readonly noted = new Map<string, TopicPartition & { readonly offset: number }>();
  private isAtWork = false;
  private hasWarned = false;

  constructor(
    /** The URL without credentials, for the log. */
    private readonly bus: string,
    private readonly offsets: GroupOffsets,
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
    const { bus, offsets: { group } } = this;
    try {
      await this.offsets.commit(offsets, signal);
      this.hasWarned = false;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (!this.hasWarned && !signal.aborted) {
        this.logger.warn(
          `the offsets could not be committed to the group, so Kafka's tools do not show them; no event ` +
            `depends on it: ${error.message}`,
          { bus, group },
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
