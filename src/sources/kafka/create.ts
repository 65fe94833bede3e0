import { readerFor } from "../../codec/mapping/record_reader.ts";
import type { Changing, SourceSurroundings } from "../../contract/connector.ts";
import type { Source } from "../../contract/source.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import type { KafkaConfig } from "./connector.ts";
import { KafkaSource, type KafkaSourceOptions } from "./kafka_source.ts";
import { knownKafkaUrl } from "./kafka_url.ts";

export function create(config: KafkaConfig, surroundings: SourceSurroundings): Changing<Source, KafkaConfig> {
  const source = new KafkaSource(optionsOf(config, surroundings));
  return { part: source, change: (next) => source.change(optionsOf(next, surroundings)) };
}

function optionsOf(
  { events, login, tls, url }: KafkaConfig,
  { endsWhenRead, instance, name, share, takesOver }: SourceSurroundings,
): KafkaSourceOptions {
  const { address, brokers, start, topics } = knownKafkaUrl(url);
  return {
    name: name ?? address,
    brokers,
    topics,
    access: { tls, login },
    startsAtEnd: start === "newest",
    instance,
    share,
    takesOver,
    reader: readerFor(events),
    endsWhenRead,
    clock: systemClock,
  };
}
