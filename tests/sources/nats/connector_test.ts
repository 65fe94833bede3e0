import assert from "node:assert/strict";
import { NATS } from "../../../src/sources/nats/connector.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";

const URL = "nats://bus-1,bus-2:4333/PLANT";
const CONFIG = { events: NO_EVENT_TEXTS, url: URL, tls: undefined, login: undefined, credentials: undefined };
const TOKEN = { kind: "token", token: "s3cret" } as const;
const USER = { kind: "user", username: "reader", password: "pa55" } as const;

Deno.test("the secrets of a login are known, so that they are masked", () => {
  const secretsOf = (login: typeof TOKEN | typeof USER | undefined) =>
    NATS.secretsOf!({ ...CONFIG, login }).filter((secret) => secret);
  assert.deepEqual(secretsOf(undefined), []);
  assert.deepEqual(secretsOf(TOKEN), ["s3cret"]);
  assert.deepEqual(secretsOf(USER), ["pa55"]);
});

Deno.test("each server gets the credential, and is told by the URL's own words", () => {
  const credentialsOf = (login: typeof TOKEN | typeof USER | undefined) =>
    NATS.credentialsOf!({ ...CONFIG, login }).map(({ credential, host }) => [credential, host]);
  assert.deepEqual(credentialsOf(undefined), []);
  assert.deepEqual(credentialsOf(TOKEN), [["the token for NATS", "bus-1"], ["the token for NATS", "bus-2"]]);
  assert.deepEqual(credentialsOf(USER).map(([credential]) => credential), [
    "the password of the NATS user",
    "the password of the NATS user",
  ]);
  assert.deepEqual(NATS.addressesOf!(CONFIG), [
    { setting: "VABUS_URL", address: "bus-1:4222" },
    { setting: "VABUS_URL", address: "bus-2:4333" },
  ]);
});
