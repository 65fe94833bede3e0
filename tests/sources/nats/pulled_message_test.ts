/** The texts of NATS that say how far a stream was read, to the bounds of their numbers. */
import assert from "node:assert/strict";
import { greetingOf, loginOfCredentials } from "../../../src/sources/nats/nats_login.ts";
import { positionIn, positionText } from "../../../src/sources/nats/nats_position.ts";
import { pulledMessage } from "../../../src/sources/nats/pulled_message.ts";
import { mostMissing } from "../../../src/sources/nats/missing_messages.ts";

const TIME = "1795749952826600474";
const MOST = `${Number.MAX_SAFE_INTEGER}`;

function read(reply: string | undefined) {
  const message = {
    subject: "a",
    subscription: 1,
    reply,
    status: undefined,
    header: "",
    payload: new Uint8Array(0),
    payloadBytes: 0,
  };
  const found = pulledMessage(message);
  if (found === undefined) return undefined;
  assert.equal(found.message, message);
  const { sequence, delivery, pending, timeMs, timeNs } = found;
  return [sequence, delivery, pending, timeMs, timeNs];
}

Deno.test("the reply subject of a message of a stream, of either form, and of none", () => {
  const said = [12, 3, 7, 1_795_749_952_826, BigInt(TIME)];
  const of = (where: string, numbers: string) => read(`$JS.ACK.${where}.${numbers}`);
  assert.deepEqual(of("S.c", `1.12.3.${TIME}.7`), said);
  assert.deepEqual(of("_.hash.S.c", `1.12.3.${TIME}.7.random`), said);
  assert.deepEqual(of("hub.hash.S.c", `1.12.3.${TIME}.7.random.more`), said);
  // One dot more than the one form has, and one less than the other.
  assert.equal(of("hash.S.c", `1.12.3.${TIME}.7`), undefined);
  assert.equal(of("S.c", `12.3.${TIME}.7`), undefined);
  assert.equal(read(`$JS.ACKS.c.1.12.3.${TIME}.7.8`), undefined);
  assert.deepEqual(
    of("S.c", `1.${MOST}.${MOST}.${"9".repeat(20)}.${MOST}`)?.slice(0, 3),
    Array(3).fill(Number(MOST)),
  );
  assert.deepEqual(of("S.c", `1.0.0.${TIME}.0`)?.slice(0, 3), [0, 0, 0]);
  for (
    const wrong of ["", "x", "-1", "1x", ":", "/", `${2 ** 53}`, "0".repeat(17)]
  ) {
    assert.equal(of("S.c", `1.${wrong}.3.${TIME}.7`), undefined, wrong);
    assert.equal(of("S.c", `1.12.${wrong}.${TIME}.7`), undefined, wrong);
    assert.equal(of("S.c", `1.12.3.${TIME}.${wrong}`), undefined, wrong);
  }
  for (const wrong of ["", "x", "9".repeat(21)]) {
    assert.equal(of("S.c", `1.12.3.${wrong}.7`), undefined, wrong);
  }
});

Deno.test("a position of a stream is a number, with the time of its message where that was read", () => {
  for (const text of ["0", "5 7", "5 7 8", MOST, `5 ${"9".repeat(20)}`]) {
    assert.equal(positionText(positionIn(text)!), text);
  }
  for (const text of ["", "x", "5 ", "5 x", `${2 ** 53}`, "5 7 8 9", `5 ${"9".repeat(21)}`]) {
    assert.equal(positionIn(text), undefined, text);
  }
  assert.deepEqual(positionIn("5"), { sequence: 5, timeNs: undefined, youngestNs: undefined });
  assert.deepEqual(positionIn("5 7"), { sequence: 5, timeNs: 7n, youngestNs: 7n });
});

Deno.test("what of a login goes into the greeting", () => {
  assert.deepEqual(greetingOf(undefined, "n"), {});
  assert.deepEqual(greetingOf({ kind: "token", token: "t" }, "n"), { auth_token: "t" });
  assert.deepEqual(greetingOf({ kind: "user", username: "u", password: "p" }, "n"), { user: "u", pass: "p" });
  for (const text of ["", "SU", "JWT", "SUAIB".padEnd(58, "A")]) {
    assert.equal(loginOfCredentials(text), undefined);
  }
});

Deno.test("what is gone of a filtered stream is what is gone at its beginning and within", () => {
  for (
    const [first, deleted, from, to, missing] of [
      [1, [], 1, 1, 0],
      [5, [], 5, 9, 0],
      [6, [], 5, 9, 0],
      [8, [], 5, 9, 2],
      [9, [], 5, 9, 3],
      [10, [], 5, 9, 3],
      [1, [5, 9], 5, 9, 0],
      [1, [6], 5, 9, 1],
      [1, [8], 5, 9, 1],
      [7, [5, 6], 5, 9, 1],
      [1, [6, 7, 8], 5, 9, 3],
    ] as const
  ) {
    assert.equal(mostMissing({ first, deleted: [...deleted] }, from, to), missing, `${first} ${deleted}`);
  }
});
