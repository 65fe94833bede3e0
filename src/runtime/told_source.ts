import type { Changing, MetricsOutlet } from "../contract/connector.ts";
import type { Partition, Source, SourceContext } from "../contract/source.ts";
import { type Naming, told, toldLogger } from "./told.ts";

/**
 * A source without secrets in what it says: errors, answers, log lines. A server may repeat the password that
 * it was sent, in an error above all.
 *
 * @param named Removes the secrets from a text.
 */
export function toldSource(source: Source, named: Naming): Source {
  // A partition that stays is the same object for the reader, so it has one wrapper.
  const wrappers = new WeakMap<Partition, Partition>();
  const toldPartitions = (partitions: readonly Partition[]) =>
    partitions.map((partition) => wrappers.getOrInsertComputed(partition, () => told(partition, named)));
  const open = async (context: SourceContext, signal: AbortSignal) => {
    const { changed, withheld, logger } = context;
    return toldPartitions(
      await source.open({
        ...context,
        changed: (partitions) => changed(toldPartitions(partitions)),
        withheld: (partitions) =>
          withheld(
            new Map([...partitions].map(([id, { kind, why }]) => [id, { kind, why: named(why) }])),
          ),
        logger: toldLogger(logger, named),
      }, signal),
    );
  };
  return told(source, named, { open, probe: async (signal) => named(await source.probe(signal)) });
}

/** As {@link toldSource}, for the outlet of the handler's own metrics. */
export function toldOutlet<C>(
  { part, change }: Changing<MetricsOutlet, C>,
  named: Naming,
): Changing<MetricsOutlet, C> {
  return { part: told(part, named), change };
}
