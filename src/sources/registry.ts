import type { SourceConnector } from "../contract/connector.ts";
import { FILE } from "./file/connector.ts";
import { KAFKA } from "./kafka/connector.ts";
import { LISTEN } from "./listen/connector.ts";
import { MQTT } from "./mqtt/connector.ts";
import { NATS } from "./nats/connector.ts";
import { REDIS } from "./redis/connector.ts";
import { VABUS } from "./vabus/connector.ts";

/** Every kind of source, in the order of the help. */
export const SOURCES: readonly SourceConnector[] = [
  VABUS,
  FILE,
  KAFKA,
  LISTEN,
  MQTT,
  NATS,
  REDIS,
];
