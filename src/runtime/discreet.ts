import type { Changing, MetricsOutlet } from "../contract/connector.ts";
import { type Partition, type Source, type SourceContext, SourceError } from "../contract/source.ts";
import { namedLogger, type Naming } from "./named_sink.ts";

/**
 * A source without secrets in what it says: errors, answers, log lines. A server may repeat the password that
 * it was sent, in an error above all.
 *
 * @param conceal Removes the secrets from a text.
 */
export function discreetSource(source: Source, conceal: Naming): Source {
  // A partition that stays is the same object for the reader, so it has one wrapper.
  const wrappers = new WeakMap<Partition, Partition>();
  const discreetPartitions = (partitions: readonly Partition[]) =>
    partitions.map((partition) =>
      wrappers.getOrInsertComputed(partition, () => discreet(partition, conceal))
    );
  const open = async (context: SourceContext, signal: AbortSignal) => {
    const { changed, withheld, logger } = context;
    return discreetPartitions(
      await source.open({
        ...context,
        changed: (partitions) => changed(discreetPartitions(partitions)),
        withheld: (partitions) =>
          withheld(
            new Map([...partitions].map(([id, { kind, why }]) => [id, { kind, why: conceal(why) }])),
          ),
        logger: namedLogger(logger, conceal),
      }, signal),
    );
  };
  return discreet(source, conceal, { open, probe: async (signal) => conceal(await source.probe(signal)) });
}

/** As {@link discreetSource}, for the outlet of the handler's own metrics. */
export function discreetOutlet<C>(
  { part, change }: Changing<MetricsOutlet, C>,
  conceal: Naming,
): Changing<MetricsOutlet, C> {
  return { part: discreet(part, conceal), change };
}

/** The part, whose errors have no secrets, with some of its members replaced. */
function discreet<T extends object>(part: T, conceal: Naming, replaced: Partial<T> = {}): T {
  return new Proxy(part, {
    get(target, name) {
      const member = (replaced as Record<PropertyKey, unknown>)[name] ?? Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        try {
          const result: unknown = member.apply(target, given);
          return result instanceof Promise ? result.catch((error) => rethrow(error, conceal)) : result;
        } catch (error) {
          return rethrow(error, conceal);
        }
      };
    },
  });
}

function rethrow(error: unknown, conceal: Naming): never {
  if (error instanceof SourceError) error.message = conceal(error.message);
  throw error;
}
