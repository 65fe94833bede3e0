import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import type { Partition, Source, SourceContext } from "../../contract/source.ts";

/** A VaBus, in either mode. */
interface Bus {
  /** The URL without credentials. */
  readonly name: string;
  probe(signal: AbortSignal): Promise<string>;
  time(signal: AbortSignal): Promise<number | undefined>;
  close(): void;
}

/** A VaBus as a source with one partition. */
export abstract class VabusSource<B extends Bus> implements Source {
  readonly id: string;

  /** @param reader Maps records to events; undefined: records are events. */
  constructor(protected readonly bus: B, protected readonly reader?: RecordReader) {
    this.id = bus.name;
  }

  open(context: SourceContext): Promise<readonly Partition[]> {
    return Promise.resolve([this.partition(context)]);
  }

  probe(signal: AbortSignal): Promise<string> {
    return this.bus.probe(signal);
  }

  time(signal: AbortSignal): Promise<number | undefined> {
    return this.bus.time(signal);
  }

  close(): Promise<void> {
    this.bus.close();
    return Promise.resolve();
  }

  protected abstract partition(context: SourceContext): Partition;
}
