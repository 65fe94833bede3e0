/** What a push to `/events` is read as and answered, without a server. */
import assert from "node:assert/strict";
import { atOnce } from "../../../src/platform/clock/steps.ts";
import { credentialOf } from "../../../src/sources/listen/credential.ts";
import { topicIn } from "../../../src/sources/listen/decoder.ts";
import { EventDecoder } from "../../../src/sources/listen/event_decoder.ts";
import { FormatReaders } from "../../../src/sources/listen/format_readers.ts";
import { RecordCheck } from "../../../src/sources/listen/record_check.ts";

const DECODER = new EventDecoder(
  new RecordCheck(new FormatReaders({ name: "{/n}", value: "/v", timestamp: "bus" })),
);
const BOM = [0xef, 0xbb, 0xbf];
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

/** The records that are kept, and the answer where the next offset is 9. */
function pushed(body: readonly number[], headers: Record<string, string> = {}, query = "") {
  const { runs, answer } = atOnce(DECODER.decode({
    body: Uint8Array.from(body),
    query: new URLSearchParams(query),
    headers: new Headers(headers),
    arrivedMs: 5000,
    *digest() {
      yield* [];
      return "";
    },
  }));
  const kept = runs.flatMap(({ records: { bytes, ends } }) =>
    Array.from(ends, (end, i) => new TextDecoder().decode(bytes.subarray(i && ends[i - 1]! + 1, end)))
  );
  const { status, body: text } = typeof answer === "function" ? answer(9) : answer;
  return { kept, topics: runs.map(({ topic }) => topic), status, answer: JSON.parse(text as string) };
}

const [A, B] = ['{"n":"a","v":1}', '{"n":"b","v":2}'];

Deno.test("a body is an array or a record a line, whatever blanks or mark of UTF-8 are before it", () => {
  for (
    const [head, text] of [
      [[], `[${A},${B}]`],
      [BOM, `[${A},${B}]`],
      [[], ` \t\r\n[${A},${B}]`],
      [[...BOM], `\n [${A},${B}]`],
      [[], `${A}\n${B}`],
      [BOM, `${A}\n${B}\n`],
      [[], `\n${A}\r\n${B}`],
      [[], `${A}\n\n \n${B}`],
    ] as const
  ) {
    const { kept, status, answer } = pushed([...head, ...bytesOf(text)]);
    assert.deepEqual(kept.map((record) => record.trim()), [A, B], JSON.stringify(text));
    assert.deepEqual([status, answer], [202, { next: 9, taken: 2 }]);
  }
});

Deno.test("what only begins like the mark of UTF-8 is a part of the first record", () => {
  for (const head of [[0xef, 0xbb, 0xbe], [0xef, 0xba, 0xbf], [0xee, 0xbb, 0xbf]]) {
    const { kept, status, answer } = pushed([...head, ...bytesOf(`\n${B}`)]);
    assert.deepEqual([kept, status, answer.refused], [[B], 400, 1]);
  }
  assert.deepEqual(pushed(bytesOf("!")).answer.refused, 1, "a sign right behind the blank is no blank");
});

Deno.test("nothing at all, and blanks alone, are taken as no records", () => {
  for (const body of [[], BOM, bytesOf("  \n"), bytesOf("[]")]) {
    assert.deepEqual([pushed(body).status, pushed(body).answer], [202, { next: 9, taken: 0 }]);
  }
});

Deno.test("the answer tells the first record that is refused, and how many more there are", () => {
  const errorOf = (...lines: readonly string[]) => {
    const { status, answer } = pushed(bytesOf(lines.join("\n")));
    assert.equal(status, 400);
    return [answer.error, answer.refused, answer.taken];
  };
  const [one, ...counts] = errorOf(A, "{}", B);
  assert.match(one, /^record 2: [^,]*; all others are taken$/);
  assert.deepEqual(counts, [1, 2]);
  const [three, ...more] = errorOf("{}", A, "{}", "{}");
  assert.match(three, /^record 1: [^,]*, and 2 more; all others are taken$/);
  assert.deepEqual(more, [3, 1]);
});

Deno.test("only types that a page in a browser cannot send unasked are taken", () => {
  const statusOf = (type: string) => {
    try {
      return pushed(bytesOf(A), { "content-type": type }).status;
    } catch (error) {
      return (error as { status: number }).status;
    }
  };
  for (
    const type of [
      "application/json",
      "Application/JSON; charset=utf-8",
      "application/vnd.plant+json",
      "application/x-ndjson",
      "application/ndjson",
      "application/jsonl ; a=b",
      "application/x-jsonlines",
    ]
  ) assert.equal(statusOf(type), 202, type);
  for (const type of ["text/plain", "application/jsonx", "text/json", "x application/json"]) {
    assert.equal(statusOf(type), 415, type);
  }
});

Deno.test("a topic is that of the parameter, up to 1,024 characters", () => {
  assert.deepEqual(pushed(bytesOf(A), {}, "topic=hall").topics, ["hall"]);
  assert.deepEqual(pushed(bytesOf(A)).topics, [undefined]);
  const query = (length: number) => new URLSearchParams({ db: "x".repeat(length) });
  assert.equal(topicIn(query(1024), "db")?.length, 1024);
  assert.throws(() => topicIn(query(1025), "db"), {
    status: 400,
    message: "db has more than 1024 characters",
  });
});

Deno.test("a token is found in each way in which clients of InfluxDB send one", () => {
  const base64 = (text: string) => btoa(text);
  const tokenIn = (authorization: string | undefined, query = "") =>
    credentialOf(
      new Request(`http://h/write${query}`, {
        headers: authorization === undefined ? {} : { authorization },
      }),
    );
  for (
    const [authorization, token] of [
      ["Bearer secret", "secret"],
      ["Token secret", "secret"],
      ["token  secret ", "secret"],
      ["Token user:secret", "secret"],
      ["Token user:sec:ret", "sec:ret"],
      [`Basic ${base64("user:secret")}`, "secret"],
      [`basic ${base64(":secret")}`, "secret"],
      [`Basic ${base64("secret")}`, "secret"],
      [`Basic ${base64("user:sec:ret")}`, "sec:ret"],
      ["Basic AAAAA", ""],
    ] as const
  ) assert.equal(tokenIn(authorization), token, authorization);
  assert.equal(tokenIn(undefined, "?u=user&p=secret"), "secret");
  assert.equal(tokenIn(undefined), undefined);
  assert.equal(tokenIn("Bearer other", "?p=secret"), "other");
});
