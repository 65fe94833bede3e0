import {
  type LineageReader,
  type Outcome,
  type PartitionId,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { BusLog } from "./bus_log.ts";
import type { HistoryWatch } from "./history_watch.ts";

/** Finds out whether an event log of a bus was read before, at this address or another. */
export class KnownLogs {
  /** @param asking The partition that wants to read it. */
  constructor(
    private readonly bus: BusLog,
    private readonly context: SourceContext,
    private readonly watch: HistoryWatch,
    private readonly asking: PartitionId,
  ) {}

  /**
   * Where to go on in an event log that was read at another address; undefined: it was not read before.
   *
   * @throws {SourceError} Another partition reads it, or that cannot be found out.
   */
  async whereItGoesOn(log: string, signal: AbortSignal): Promise<Outcome | undefined> {
    const { lineages, logger } = this.context;
    const reader = lineages.readerOf(log, this.asking);
    if (reader !== undefined) {
      if (await this.logNowOf(reader, signal) === log) {
        throw new SourceError(
          "garbage",
          `it is the same log as that of ${reader.name}: name this bus only once in VABUS_URL`,
        );
      }
      this.watch.compareSoon();
      return { kind: "exchanged", lineage: log };
    }
    if (!lineages.isKnown(log)) return undefined;
    logger.info("the bus has moved: going on where its log was left", { bus: this.bus.name });
    this.watch.compareSoon();
    return { kind: "moved", lineage: log };
  }

  private async logNowOf(reader: LineageReader, signal: AbortSignal): Promise<string> {
    try {
      return await reader.lineageNow(signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      throw new SourceError(
        "unavailable",
        `${this.bus.name}: it has the log that was read from ${reader.name}; whether that one has ` +
          `another log now cannot be found out: ${error.message}`,
      );
    }
  }
}
