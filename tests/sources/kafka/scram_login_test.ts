/** Logins at a broker that is written after RFC 5802, and at brokers that are not. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { type KafkaLogin, logIn, LoginFault } from "../../../src/sources/kafka/kafka_login.ts";

const SALT = Buffer.from("salt of the user");

interface Answers {
  readonly iterations?: number;
  /** What it knows as the password. */
  readonly password?: string;
  /** Its answers instead of the right ones. */
  readonly challenge?: (right: string, nonce: string) => string;
  readonly verdict?: (right: string) => string;
}

/** Goes through a login. Returns the tokens that the broker got, and whether the password was proved. */
async function loggedIn(login: KafkaLogin, answers: Answers = {}) {
  const { iterations = 4096, password = login.password } = answers;
  const hash = login.mechanism === "scram-sha-512" ? "sha512" : "sha256";
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest();
  const salted = pbkdf2Sync(password.normalize("NFKC"), SALT, iterations, hash === "sha256" ? 32 : 64, hash);
  const tokens: string[] = [];
  let challenge = "";
  let isProved = false;
  await logIn(login, (token) => {
    const text = Buffer.from(token).toString();
    tokens.push(text);
    if (tokens.length === 1) {
      const nonce = /,r=(.*)$/.exec(text)?.[1] ?? "";
      const right = `r=${nonce}more,s=${SALT.toString("base64")},i=${iterations}`;
      challenge = answers.challenge?.(right, nonce) ?? right;
      return Promise.resolve(Buffer.from(challenge));
    }
    const [, final = "", proof = ""] = /^(.*),p=(.*)$/.exec(text) ?? [];
    const signed = `${tokens[0]!.slice("n,,".length)},${challenge},${final}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash(hash).update(clientKey).digest(), signed);
    isProved = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString("base64") === proof;
    const right = `v=${hmac(hmac(salted, "Server Key"), signed).toString("base64")}`;
    return Promise.resolve(Buffer.from(answers.verdict?.(right) ?? right));
  });
  return { tokens, isProved };
}

const login = (mechanism: KafkaLogin["mechanism"], more: Partial<KafkaLogin> = {}): KafkaLogin => ({
  mechanism,
  username: "user",
  password: "secret",
  ...more,
});

Deno.test("PLAIN sends user and password at once", async () => {
  const tokens: string[] = [];
  await logIn(login("plain"), (token) => {
    tokens.push(Buffer.from(token).toString());
    return Promise.resolve(new Uint8Array(0));
  });
  assert.deepEqual(tokens, ["\0user\0secret"]);
});

Deno.test("SCRAM proves the password without sending it, with each hash", async () => {
  for (const mechanism of ["scram-sha-256", "scram-sha-512"] as const) {
    const { isProved, tokens } = await loggedIn(login(mechanism, { password: "ﬁne ü=,", username: "a=b,c" }));
    assert.equal(isProved, true, mechanism);
    const [, nonce = ""] = /^n,,n=a=3Db=2Cc,r=([A-Za-z0-9+/]{32})$/.exec(tokens[0]!) ?? [];
    assert.ok(nonce !== "" && tokens[1]!.startsWith(`c=biws,r=${nonce}more,p=`), `${tokens}`);
    assert.equal(tokens.length, 2);
  }
});

Deno.test("SCRAM computes one iteration or many, and not more than anybody sets", async () => {
  const tooMany = (right: string) => right.replace(/i=.*/, "i=1000001");
  assert.equal((await loggedIn(login("scram-sha-256"), { iterations: 1 })).isProved, true);
  await assert.rejects(
    loggedIn(login("scram-sha-256"), { iterations: 1, challenge: tooMany }),
    (error) =>
      error instanceof LoginFault && /asks for 1000001 iterations of SCRAM, and at most 1000000/.test(
        error.message,
      ),
  );
});

Deno.test("what is no SCRAM is not answered with a proof", async () => {
  for (
    const challenge of [
      () => "",
      (_right: string, nonce: string) => `r=${nonce},s=AA==,i=1`,
      () => "r=another,s=AA==,i=1",
      (right: string) => right.replace(/,s=[^,]*/, ""),
      (right: string) => right.replace(/i=.*/, "i=0"),
      (right: string) => right.replace(/i=.*/, "i=-1"),
      (right: string) => right.replace(/i=.*/, "i=x"),
    ]
  ) {
    await assert.rejects(
      loggedIn(login("scram-sha-256"), { iterations: 1, challenge }),
      (error) => error instanceof LoginFault && /is no SCRAM/.test(error.message),
    );
  }
});

Deno.test("a broker that does not know the password is left", async () => {
  for (
    const answers of [
      { password: "another" },
      { verdict: () => "v=AA==" },
      { verdict: () => "e=invalid-proof" },
      { verdict: (right: string) => `${right.slice(0, 2)}${right[2] === "A" ? "B" : "A"}${right.slice(3)}` },
    ]
  ) {
    await assert.rejects(
      loggedIn(login("scram-sha-512"), { iterations: 1, ...answers }),
      (error) => error instanceof LoginFault && /does not know the password/.test(error.message),
    );
  }
});
