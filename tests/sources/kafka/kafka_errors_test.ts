import assert from "node:assert/strict";
import { SourceError } from "../../../src/contract/source.ts";
import { WireFault } from "../../../src/platform/kafka/wire_reader.ts";
import {
  brokerError,
  isOfOldMetadata,
  isOfUnknownTopic,
  sourceErrorOf,
} from "../../../src/sources/kafka/kafka_errors.ts";

const CODES = Array.from({ length: 130 }, (_, code) => code);

Deno.test("new metadata is asked for after the errors of another leader or topic id, and no others", () => {
  assert.deepEqual(CODES.filter(isOfOldMetadata), [
    3, // UNKNOWN_TOPIC_OR_PARTITION
    5, // LEADER_NOT_AVAILABLE
    6, // NOT_LEADER_OR_FOLLOWER
    9, // REPLICA_NOT_AVAILABLE
    56, // KAFKA_STORAGE_ERROR
    74, // FENCED_LEADER_EPOCH
    75, // UNKNOWN_LEADER_EPOCH
    78, // OFFSET_NOT_AVAILABLE
    100, // UNKNOWN_TOPIC_ID
    103, // INCONSISTENT_TOPIC_ID
  ]);
});

Deno.test("a topic that is not there is told by its name, or by its id", () => {
  assert.deepEqual(CODES.filter(isOfUnknownTopic), [3, 100]);
});

Deno.test("an error of a broker has the name that Kafka's documents have", () => {
  const named = CODES.map((code) => [code, brokerError("kafka://b/t", code)] as const)
    .filter(([code, { message }]) => !message.includes(`error ${code}`));
  assert.deepEqual(
    named.map(([code, { kind, message }]) => `${code} ${/answers (\w+)/.exec(message)?.[1]} ${kind}`),
    [
      "2 CORRUPT_MESSAGE garbage",
      "3 UNKNOWN_TOPIC_OR_PARTITION unavailable",
      "5 LEADER_NOT_AVAILABLE unavailable",
      "6 NOT_LEADER_OR_FOLLOWER unavailable",
      "7 REQUEST_TIMED_OUT unavailable",
      "9 REPLICA_NOT_AVAILABLE unavailable",
      "13 NETWORK_EXCEPTION unavailable",
      "14 COORDINATOR_LOAD_IN_PROGRESS unavailable",
      "15 COORDINATOR_NOT_AVAILABLE unavailable",
      "16 NOT_COORDINATOR unavailable",
      "17 INVALID_TOPIC_EXCEPTION refused",
      "25 UNKNOWN_MEMBER_ID refused",
      "29 TOPIC_AUTHORIZATION_FAILED refused",
      "30 GROUP_AUTHORIZATION_FAILED refused",
      "31 CLUSTER_AUTHORIZATION_FAILED refused",
      "33 UNSUPPORTED_SASL_MECHANISM refused",
      "34 ILLEGAL_SASL_STATE refused",
      "35 UNSUPPORTED_VERSION refused",
      "56 KAFKA_STORAGE_ERROR unavailable",
      "58 SASL_AUTHENTICATION_FAILED refused",
      "74 FENCED_LEADER_EPOCH unavailable",
      "75 UNKNOWN_LEADER_EPOCH unavailable",
      "78 OFFSET_NOT_AVAILABLE unavailable",
      "100 UNKNOWN_TOPIC_ID unavailable",
      "103 INCONSISTENT_TOPIC_ID unavailable",
    ],
  );
  for (
    const [code, kind, answer] of [
      [4, "unavailable", "error 4"],
      [6, "unavailable", "NOT_LEADER_OR_FOLLOWER"],
      [30, "refused", "GROUP_AUTHORIZATION_FAILED: grant the user READ on the group"],
    ] as const
  ) {
    const error = brokerError("kafka://b/t", code);
    assert.deepEqual([error.kind, error.message], [kind, `kafka://b/t: the broker answers ${answer}`]);
  }
});

Deno.test("what goes wrong with a connection is told as what it is", () => {
  const known = new SourceError("refused", "no");
  assert.equal(sourceErrorOf("broker b:9092", known), known);
  for (
    const [error, kind, message] of [
      [new WireFault("is cut off"), "garbage", "what broker b:9092 answers is cut off"],
      [new Error("connection refused"), "unavailable", "broker b:9092 cannot be reached: connection refused"],
      ["no route", "unavailable", "broker b:9092 cannot be reached: no route"],
      [
        new Error("invalid peer certificate: UnknownIssuer"),
        "refused",
        "broker b:9092: invalid peer certificate: UnknownIssuer: check VABUS_CA_FILE, VABUS_CERT_FILE and " +
        "VABUS_KEY_FILE",
      ],
    ] as const
  ) {
    const found = sourceErrorOf("broker b:9092", error);
    assert.deepEqual([found.kind, found.message], [kind, message]);
  }
});
