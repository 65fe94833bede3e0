import type { SinkConnector } from "../contract/connector.ts";
import { KAFKA } from "./kafka/connector.ts";
import { POSTGRES } from "./postgres/connector.ts";
import { SQLITE } from "./sqlite/connector.ts";
import { STDOUT } from "./stdout/connector.ts";

/** Every kind of sink, in the order of the help. */
export const SINKS: readonly SinkConnector[] = [
  KAFKA,
  POSTGRES,
  SQLITE,
  STDOUT,
];
