import { readerFor } from "../../codec/mapping/record_reader.ts";
import type { Changing, SourceSurroundings } from "../../contract/connector.ts";
import type { Source } from "../../contract/source.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import type { RedisConfig } from "./connector.ts";
import { RedisSource, type RedisSourceOptions } from "./redis_source.ts";
import { knownRedisUrl } from "./redis_url.ts";

export function create(config: RedisConfig, surroundings: SourceSurroundings): Changing<Source, RedisConfig> {
  const source = new RedisSource(optionsOf(config, surroundings));
  return { part: source, change: (next) => source.change(optionsOf(next, surroundings)) };
}

function optionsOf(
  { events, login, tls, url }: RedisConfig,
  { name, share }: Pick<SourceSurroundings, "name" | "share">,
): RedisSourceOptions {
  const { address, database, field, keys, endpoint, start, trims } = knownRedisUrl(url);
  return {
    name: name ?? address,
    endpoint,
    access: { tls, login, database },
    keys,
    share,
    field,
    trims,
    startsAtEnd: start === "newest",
    reader: readerFor(events),
    clock: systemClock,
  };
}
