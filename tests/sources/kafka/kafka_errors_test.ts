import assert from "node:assert/strict";
import { isOfOldMetadata } from "../../../src/sources/kafka/kafka_errors.ts";

Deno.test("new metadata is asked for after the errors of another leader or topic id, and no others", () => {
  const codes = Array.from({ length: 130 }, (_, code) => code);
  assert.deepEqual(codes.filter(isOfOldMetadata), [
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
