import type { FlinkOption, FlinkSourceTable, FlinkTerms } from "../../contract/flink_table.ts";
import { type KafkaAccess, kafkaClientOptions } from "../../platform/kafka/flink_client_options.ts";
import type { KafkaUrl } from "./kafka_url.ts";

/** How Flink reads the topics of a URL: each is a table, since offsets to begin at are of one topic. */
export function flinkTablesOf(
  { brokers, topics, start }: KafkaUrl,
  access: Pick<KafkaAccess, "login" | "tls">,
  { job, endsWhenRead, offsets, secret }: FlinkTerms,
): FlinkSourceTable[] {
  const addresses = brokers.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  const client = kafkaClientOptions({ brokers: addresses, ...access }, {
    password: "VABUS_PASSWORD",
    key: "VABUS_KEY",
  }, secret);
  return topics.map((topic) => ({
    topic,
    options: [
      ["connector", "kafka"],
      ["topic", topic],
      ...client,
      // The group is told of offsets and never asked. It must not be the handler's.
      ["properties.group.id", `vabus-data-handler_source.${job}`],
      ["properties.isolation.level", "read_committed"],
      ["properties.partition.discovery.interval.ms", endsWhenRead ? "0" : "10000"],
      ...startOptions(start, offsets?.(topic)),
      ...(endsWhenRead ? [["scan.bounded.mode", "latest-offset"] as const] : []),
    ],
    notes: access.tls?.key === undefined
      ? []
      : ["${VABUS_KEY} stands for the text of VABUS_KEY_FILE, which must be PKCS #8."],
  }));
}

/** Flink reads partitions that are not named from their oldest record on, as the handler does. */
function startOptions(
  start: KafkaUrl["start"],
  offsets: ReadonlyMap<number, number> | undefined,
): FlinkOption[] {
  if (offsets === undefined || offsets.size === 0) {
    return [["scan.startup.mode", start === "newest" ? "latest-offset" : "earliest-offset"]];
  }
  const text = [...offsets].map(([partition, offset]) => `partition:${partition},offset:${offset}`).join(";");
  return [["scan.startup.mode", "specific-offsets"], ["scan.startup.specific-offsets", text]];
}
