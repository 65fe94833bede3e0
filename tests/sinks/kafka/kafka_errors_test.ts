import assert from "node:assert/strict";
import {
  KafkaJSConnectionError,
  KafkaJSError,
  KafkaJSGroupCoordinatorNotFound,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
} from "kafkajs/src/errors.js";
import { hidesItsReason, isFenced, toKafkaSinkError } from "../../../src/sinks/kafka/kafka_errors.ts";
import type { SinkErrorKind } from "../../../src/contract/sink.ts";

const ADDRESS = "broker:9092";

/** What kafkajs throws when the broker answers with an error, after its own retries. */
function thrown(type: string, message = `The broker said ${type}`): Error {
  const answer = new KafkaJSProtocolError(Object.assign(new Error(message), { type }));
  return new KafkaJSNumberOfRetriesExceeded(answer, { retryCount: 3, retryTime: 100 });
}

Deno.test("the brokers' errors have the class of what has to be done", () => {
  const classes: Record<string, SinkErrorKind> = {
    MESSAGE_TOO_LARGE: "rejected",
    INVALID_RECORD: "rejected",
    // All rows of a moment have the same time: no row is the cause, but this host's clock.
    INVALID_TIMESTAMP: "misconfigured",
    TOPIC_AUTHORIZATION_FAILED: "misconfigured",
    GROUP_AUTHORIZATION_FAILED: "misconfigured",
    CLUSTER_AUTHORIZATION_FAILED: "misconfigured",
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "misconfigured",
    SASL_AUTHENTICATION_FAILED: "misconfigured",
    UNSUPPORTED_VERSION: "misconfigured",
    UNSUPPORTED_COMPRESSION_TYPE: "misconfigured",
    NOT_ENOUGH_REPLICAS: "unavailable",
    UNKNOWN_TOPIC_OR_PARTITION: "unavailable",
    GROUP_COORDINATOR_NOT_AVAILABLE: "unavailable",
    CONCURRENT_TRANSACTIONS: "unavailable",
    // What the brokers say once a producer of kafkajs has sent 2^31 records to a partition.
    OUT_OF_ORDER_SEQUENCE_NUMBER: "unavailable",
  };
  for (const [type, kind] of Object.entries(classes)) {
    const error = toKafkaSinkError(thrown(type), ADDRESS);
    assert.equal(error.kind, kind, type);
    assert.ok(error.message.startsWith(`Kafka at ${ADDRESS}: The broker said ${type}.`), error.message);
  }
});

Deno.test("topics of the brokers' own that cannot be had say which of their settings to look at", () => {
  const coordinator = toKafkaSinkError(thrown("GROUP_COORDINATOR_NOT_AVAILABLE"), ADDRESS);
  const notFound = toKafkaSinkError(
    new KafkaJSGroupCoordinatorNotFound("Failed to find group coordinator"),
    ADDRESS,
  );
  for (const { kind, message } of [coordinator, notFound]) {
    assert.equal(kind, "unavailable");
    assert.match(message, /offsets\.topic\.replication\.factor/);
    assert.match(message, /transaction\.state\.log\.replication\.factor/);
  }
  for (const type of ["NOT_ENOUGH_REPLICAS", "CONCURRENT_TRANSACTIONS"]) {
    assert.match(toKafkaSinkError(thrown(type), ADDRESS).message, /min\.insync\.replicas/);
  }
});

Deno.test("of a broker that takes connections and does not answer it is said that it may hang", () => {
  const { kind, message } = toKafkaSinkError(new Error("Broker not connected"), ADDRESS);
  assert.deepEqual([kind, message], [
    "unavailable",
    `Kafka at ${ADDRESS}: Broker not connected. It takes connections and does not answer: does it hang?`,
  ]);
});

Deno.test("a broker that cannot be reached where the cluster says that it is, is told of", () => {
  const refused = (broker: string) =>
    toKafkaSinkError(
      new KafkaJSNumberOfRetriesExceeded(new KafkaJSConnectionError("Connection timeout", { broker }), {
        retryCount: 3,
        retryTime: 100,
      }),
      "k1:9092, k2:9092",
    ).message;
  assert.equal(refused("k2:9092"), "Kafka at k1:9092, k2:9092: Connection timeout.");
  assert.match(
    refused("inner:9092"),
    /names inner:9092 as the address of a broker \(advertised\.listeners\)/,
  );
});

Deno.test("what an operator has to change is named", () => {
  const advice = {
    TOPIC_AUTHORIZATION_FAILED: /KAFKA_TOPIC/,
    GROUP_AUTHORIZATION_FAILED: /READ on the group vabus-data-handler\./,
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED: /KAFKA_DELIVERY=at-least-once/,
    SASL_AUTHENTICATION_FAILED: /KAFKA_SASL_PASSWORD/,
  };
  for (const [type, pattern] of Object.entries(advice)) {
    assert.match(toKafkaSinkError(thrown(type), ADDRESS).message, pattern);
  }
  const certificate = toKafkaSinkError(new KafkaJSError("self-signed certificate in chain"), ADDRESS);
  assert.equal(certificate.kind, "misconfigured");
  assert.match(certificate.message, /KAFKA_SSL_CA_FILE/);
});

Deno.test("a fenced producer is told from other failures, by the older and the younger error", () => {
  assert.equal(isFenced(thrown("INVALID_PRODUCER_EPOCH")), true);
  assert.equal(isFenced(thrown("KAFKAJS_UNKNOWN_ERROR_CODE", "Unexpected error code 90")), true);
  assert.equal(isFenced(thrown("KAFKAJS_UNKNOWN_ERROR_CODE", "Unexpected error code 91")), false);
  assert.equal(isFenced(thrown("NOT_ENOUGH_REPLICAS")), false);
  assert.equal(isFenced(thrown("UNKNOWN", "Unexpected error code 90")), false, "the words alone");
  assert.equal(isFenced("not even an error"), false);
});

Deno.test("errors that name each other as their cause are told from each other all the same", () => {
  const [one, other] = [new Error("one thing"), new Error("another", { cause: thrown("MESSAGE_TOO_LARGE") })];
  one.cause = other;
  assert.equal(toKafkaSinkError(one, ADDRESS).kind, "rejected");
  other.cause = one;
  const error = toKafkaSinkError(one, ADDRESS);
  assert.equal(error.kind, "unavailable");
  assert.match(error.message, /one thing|another/);
});

Deno.test("the message names the group as it is, and ends where there is no advice", () => {
  const told = (error: unknown, group?: string) => toKafkaSinkError(error, ADDRESS, group).message;
  assert.equal(told(thrown("MESSAGE_TOO_LARGE")), `Kafka at ${ADDRESS}: The broker said MESSAGE_TOO_LARGE.`);
  assert.match(
    told(thrown("GROUP_AUTHORIZATION_FAILED"), "group.7"),
    /FAILED\. \S.*READ on the group group\.7/,
  );
  assert.equal(told("no error at all"), `Kafka at ${ADDRESS}: no error at all.`);
});

Deno.test("a request or an answer that takes too long is told from a broker that is away", () => {
  const late = Object.assign(new Error("took too long"), { name: "KafkaJSRequestTimeoutError" });
  for (const error of [thrown("REQUEST_TIMED_OUT"), late, new Error("outer", { cause: late })]) {
    const { kind, message } = toKafkaSinkError(error, ADDRESS);
    assert.equal(kind, "timed_out", message);
  }
});

Deno.test("the first of several errors of one request is its cause", () => {
  const several = Object.assign(new Error("several"), {
    errors: [thrown("MESSAGE_TOO_LARGE"), thrown("NOT_ENOUGH_REPLICAS")],
  });
  assert.equal(toKafkaSinkError(several, ADDRESS).kind, "rejected");
});

Deno.test("a coordinator that was not found hides why, any other error does not", () => {
  const notFound = new KafkaJSGroupCoordinatorNotFound("Failed to find group coordinator");
  assert.equal(hidesItsReason(notFound), true);
  assert.equal(hidesItsReason(new Error("outer", { cause: notFound })), true);
  assert.equal(hidesItsReason(thrown("NOT_ENOUGH_REPLICAS")), false);
});

Deno.test("what kafkajs itself has found out has the advice of what it means", () => {
  const named = (name: string) => toKafkaSinkError(Object.assign(new Error("no"), { name }), ADDRESS);
  const login = named("KafkaJSSASLAuthenticationError");
  assert.equal(login.kind, "misconfigured");
  assert.match(login.message, /^Kafka at broker:9092: no\. .*KAFKA_SASL_PASSWORD/);
  const old = named("KafkaJSServerDoesNotSupportApiKey");
  assert.equal(old.kind, "misconfigured");
  assert.match(old.message, /^Kafka at broker:9092: no\. .*KAFKA_DELIVERY=at-least-once/);
  assert.deepEqual([named("KafkaJSError").kind, named("KafkaJSError").message], [
    "unavailable",
    "Kafka at broker:9092: no.",
  ]);
});
