import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";

/** How to log in to brokers. */
export interface KafkaLogin {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

/** Why a login cannot go on, for the operator. */
export class LoginFault extends Error {}

/** More iterations than anybody sets would keep the processor busy. Kafka's own tools set 16,384 at most. */
const ITERATIONS_MAX = 1_000_000;

/**
 * Goes through a login.
 *
 * @param send Sends a token and returns the broker's.
 *
 * @throws {LoginFault} What the broker answers is wrong.
 */
export async function logIn(
  { mechanism, username, password }: KafkaLogin,
  send: (token: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  if (mechanism === "plain") return void await send(Buffer.from(`\0${username}\0${password}`));
  await logInByScram(mechanism === "scram-sha-256" ? "sha256" : "sha512", username, password, send);
}

/** RFC 5802: both sides prove that they know the password, without sending it. */
async function logInByScram(
  hash: "sha256" | "sha512",
  username: string,
  password: string,
  send: (token: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  const ownNonce = randomBytes(24).toString("base64");
  const name = username.replaceAll("=", "=3D").replaceAll(",", "=2C");
  const first = `n=${name},r=${ownNonce}`;
  const challenge = textOf(await send(Buffer.from(`n,,${first}`)));
  const { r: nonce = "", s: salt = "", i: count = "" } = attributesOf(challenge);
  const iterations = Number(count);
  if (!nonce.startsWith(ownNonce) || nonce === ownNonce || salt === "" || !(iterations > 0)) {
    throw new LoginFault("what the broker answers to the login is no SCRAM");
  }
  if (iterations > ITERATIONS_MAX) {
    throw new LoginFault(
      `the broker asks for ${iterations} iterations of SCRAM, and at most ${ITERATIONS_MAX} are computed: ` +
        "set the user's password there anew with fewer",
    );
  }
  const salted = await derived(hash, password, Buffer.from(salt, "base64"), iterations);
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest();
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash(hash).update(clientKey).digest();
  const final = `c=biws,r=${nonce}`;
  const signed = `${first},${challenge},${final}`;
  const signature = hmac(storedKey, signed);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString("base64");
  const { v: verifier = "" } = attributesOf(textOf(await send(Buffer.from(`${final},p=${proof}`))));
  const expected = hmac(hmac(salted, "Server Key"), signed);
  const received = Buffer.from(verifier, "base64");
  if (received.length !== expected.length || !timingSafeEqual(received, expected)) {
    throw new LoginFault("the broker does not know the password that it asks for");
  }
}

function derived(hash: string, password: string, salt: Uint8Array, iterations: number): Promise<Buffer> {
  const bytes = hash === "sha256" ? 32 : 64;
  return new Promise((resolve, reject) => {
    pbkdf2(password.normalize("NFKC"), salt, iterations, bytes, hash, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function textOf(token: Uint8Array): string {
  return Buffer.from(token).toString();
}

/** `a=x,b=y` */
function attributesOf(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(text.split(",").map((part) => [part.slice(0, 1), part.slice(2)]));
}
