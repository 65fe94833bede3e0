/** How a login is read, and what of it goes into the greeting. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { greetingOf, loginOfCredentials } from "../../../src/sources/nats/nats_login.ts";
import { NatsKey } from "../../../src/sources/nats/nkey.ts";

/** The pair of keys in the documentation of NATS. */
const SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

Deno.test("a seed has the public key that servers know", () => {
  assert.equal(NatsKey.ofSeed(SEED)?.publicKey, PUBLIC);
});

Deno.test("a text with one sign more, less or other is no seed of a user", () => {
  for (const text of ["", SEED.slice(1), `${SEED}A`, SEED.toLowerCase(), PUBLIC, `SA${SEED.slice(2)}`]) {
    assert.equal(NatsKey.ofSeed(text), undefined, text);
  }
  for (const at of [2, 3, 20, 40, 53, 57]) {
    const other = SEED[at] === "A" ? "B" : "A";
    assert.equal(NatsKey.ofSeed(SEED.slice(0, at) + other + SEED.slice(at + 1)), undefined, `${at}`);
  }
});

Deno.test("what a server draws is signed as the holder of the public key would check it", () => {
  const bits = [...PUBLIC].map((digit) => ALPHABET.indexOf(digit).toString(2).padStart(5, "0")).join("");
  const bytes = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytes.subarray(1, 33)]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const signature = NatsKey.ofSeed(SEED)!.signature("nonce");
  assert.match(signature, /^[\w-]{86}$/);
  assert.equal(verify(null, Buffer.from("nonce"), key, Buffer.from(signature, "base64url")), true);
});

const credentials = (jwt: string, seed: string) =>
  `${jwt}\n\n************************* IMPORTANT *************************\n\n${seed}\n`;
const JWT = "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------";
const KEY = `-----BEGIN USER NKEY SEED-----\n${SEED}\n------END USER NKEY SEED------`;

Deno.test("credentials are a JWT with its seed, or a seed alone, and nothing by halves", () => {
  const found = (text: string) => {
    const login = loginOfCredentials(text);
    return login?.kind === "key" ? [login.key.publicKey, login.jwt] : login;
  };
  assert.deepEqual(found(credentials(JWT, KEY)), [PUBLIC, "eyJ0.eyJq.c2ln"]);
  assert.deepEqual(found(KEY), [PUBLIC, undefined]);
  assert.deepEqual(found(`\n ${SEED}\n`), [PUBLIC, undefined]);
  assert.equal(found(JWT), undefined);
  assert.equal(found(credentials(JWT.replace("BEGIN", "BEGUN"), KEY)), undefined);
  assert.equal(found(credentials(JWT, KEY.replace(SEED, SEED.slice(1)))), undefined);
  assert.equal(found(""), undefined);
});

Deno.test("the greeting has of a login what the server asks for", () => {
  const key = NatsKey.ofSeed(SEED)!;
  const sig = key.signature("n");
  for (
    const [login, nonce, greeting] of [
      [undefined, "n", {}],
      [{ kind: "token", token: "t" }, "n", { auth_token: "t" }],
      [{ kind: "user", username: "u", password: "p" }, "n", { user: "u", pass: "p" }],
      [{ kind: "key", key, jwt: undefined }, "n", { nkey: PUBLIC, sig }],
      [{ kind: "key", key, jwt: "a.b.c" }, "n", { jwt: "a.b.c", sig }],
      [{ kind: "key", key, jwt: undefined }, undefined, { nkey: PUBLIC }],
    ] as const
  ) assert.deepEqual(greetingOf(login, nonce), greeting);
});
