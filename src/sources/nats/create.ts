import { readerFor } from "../../codec/mapping/record_reader.ts";
import type { Changing, SourceSurroundings } from "../../contract/connector.ts";
import type { Source } from "../../contract/source.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import type { NatsConfig } from "./connector.ts";
import { NatsSource, type NatsSourceOptions } from "./nats_source.ts";
import { knownNatsUrl } from "./nats_url.ts";

export function create(config: NatsConfig, { name }: SourceSurroundings): Changing<Source, NatsConfig> {
  const source = new NatsSource(optionsOf(config, name));
  return { part: source, change: (next) => source.change(optionsOf(next, name)) };
}

function optionsOf(
  { events, login, tls, url }: NatsConfig,
  name: string | undefined,
): NatsSourceOptions {
  const { address, choice, servers, start } = knownNatsUrl(url);
  return {
    name: name ?? address,
    servers,
    access: { tls, login },
    choice,
    startsAtEnd: start === "newest",
    reader: readerFor(events),
    clock: systemClock,
  };
}
