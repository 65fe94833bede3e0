/** Which requests are one that was sent before, and get its answer. */
import assert from "node:assert/strict";
import { contentsKey, type KeyedAnswer } from "../../../src/sources/listen/answer_store.ts";
import type { Answer } from "../../../src/sources/listen/decoder.ts";
import { Repetitions } from "../../../src/sources/listen/repetitions.ts";

/** A sender may have gone after so long. */
const PATIENCE_MS = 1000;
const answer = (status: number): Answer => ({ status, headers: {}, body: "" });

interface Asked {
  readonly digest?: string;
  /** The digest of the request that it begins with. */
  readonly continues?: string;
  /** Undefined: the request is told by its contents. */
  readonly key?: string;
  /** What happens before it is answered. */
  readonly until?: () => Promise<void> | void;
}

/** Requests over an inbox that keeps what they are answered. */
function rig({ isCertain = false } = {}) {
  const kept = new Map<string, Pick<KeyedAnswer, "digest" | "answer">>();
  const inbox = {
    answerFor: (mark: string, key: string) => kept.get(`${mark} ${key}`),
    latestBodyLengths: () => [...kept.keys()].map((name) => parseInt(name.split(" ")[1]!)),
  };
  let nowMs = 5000;
  const live = () => new Repetitions(inbox, () => nowMs);
  let repetitions = live();
  let count = 0;
  return {
    dies: () => repetitions = live(),
    pass: (ms: number) => void (nowMs += ms),
    /** The digest of the beginning that was kept; a digest is as long as the body that it stands for. */
    async keptOf(...digests: string[]) {
      const lengths = repetitions.beginningsOf(digests.at(-1)!.length);
      const sought = digests.filter((digest, i) =>
        i === digests.length - 1 || lengths.includes(digest.length)
      );
      const found = await repetitions.keptBeginning(
        sought.map((digest) => ({ digest, bodyBytes: digest.length })),
      );
      return found?.digest;
    },
    /** Returns the number of the request that it is answered as. */
    async ask({ digest = "d", key, continues, until = () => {} }: Asked = {}) {
      const mark = key === undefined ? "contents" : "key";
      const keyOf = (digest: string) => contentsKey({ digest, bodyBytes: digest.length });
      const request = {
        ...{ mark, key: key ?? keyOf(digest), digest, isCertain, bodyBytes: digest.length } as const,
        ...(continues !== undefined && { continues: keyOf(continues) }),
      };
      const { status } = await repetitions.once(request, nowMs, async () => {
        await until();
        const own = answer(++count);
        kept.set(`${mark} ${request.key}`, { digest, answer: own });
        return own;
      });
      return status;
    },
  };
}

Deno.test("what was answered at once is another request when it comes again", async () => {
  const { ask } = rig();
  assert.deepEqual([await ask(), await ask(), await ask({ digest: "e" })], [1, 2, 3]);
});

Deno.test("what was answered late is known once when it comes again", async () => {
  const { ask, pass } = rig();
  assert.equal(await ask({ until: () => pass(PATIENCE_MS) }), 1);
  assert.deepEqual([await ask(), await ask()], [1, 2]);
  assert.equal(await ask({ until: () => pass(PATIENCE_MS - 1) }), 3);
  assert.equal(await ask(), 4);
});

Deno.test("what an earlier life has answered is known once when it comes again", async () => {
  const { ask, dies } = rig();
  assert.deepEqual([await ask(), await ask()], [1, 2]);
  dies();
  assert.deepEqual([await ask(), await ask()], [2, 3]);
});

Deno.test("a request that is not answered yet is known once its sender may have gone", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { ask, pass } = rig();
  const first = ask({ until: () => promise });
  pass(PATIENCE_MS - 1);
  assert.equal(await ask(), 1, "of another sender");
  const second = ask({ digest: "e", until: () => promise });
  pass(PATIENCE_MS);
  const again = ask({ digest: "e" });
  resolve();
  assert.deepEqual(await Promise.all([first, second, again]), [2, 3, 3]);
});

Deno.test("what can only be the same is, whatever became of the first one", async () => {
  const { ask, dies } = rig({ isCertain: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked = [ask({ until: () => promise }), ask()];
  resolve();
  assert.deepEqual(await Promise.all(asked), [1, 1]);
  assert.equal(await ask(), 1);
  dies();
  assert.equal(await ask(), 1);
});

Deno.test("a key is that of one request, and a request that failed is tried anew", async () => {
  const { ask } = rig({ isCertain: true });
  const full = () => Promise.reject(new Error("full"));
  await assert.rejects(ask({ key: "k", until: full }), /full/);
  assert.deepEqual([await ask({ key: "k" }), await ask({ key: "k" })], [1, 1]);
  await assert.rejects(ask({ key: "k", digest: "e" }), /that of another request/);
});

Deno.test("a request may begin with one that an earlier life has kept, until it is answered", async () => {
  const { ask, dies, keptOf } = rig();
  await ask({ digest: "a" });
  await ask({ digest: "ab" });
  assert.equal(await keptOf("a", "ab", "abc"), undefined, "both were answered");
  dies();
  assert.equal(await keptOf("a", "ab", "abc"), "ab");
  assert.equal(await keptOf("a", "ab"), undefined, "it is the same, and continues none");
  assert.equal(await keptOf("x", "xy"), undefined);
  await ask({ digest: "abc", continues: "ab" });
  assert.equal(await keptOf("a", "ab", "abc", "abcd"), "a", "the others were answered");
});

Deno.test("what a request may begin with is looked for ten minutes long", async () => {
  const { ask, dies, keptOf, pass } = rig();
  await ask({ digest: "a" });
  dies();
  pass(599_999);
  await ask({ digest: "abc", until: () => pass(PATIENCE_MS) });
  assert.equal(await keptOf("a", "ab"), undefined, "the sender of the one before has had its time");
  assert.equal(await keptOf("a", "abc", "abcd"), "abc");
});

Deno.test("a request may begin with one that is answered late, or not yet", async () => {
  const { ask, keptOf, pass } = rig();
  await ask({ digest: "a", until: () => pass(PATIENCE_MS) });
  assert.equal(await keptOf("a", "ab"), "a");
  const { promise, resolve } = Promise.withResolvers<void>();
  const full = Promise.withResolvers<void>();
  const later = ask({ digest: "ab", continues: "a", until: () => promise });
  const refused = assert.rejects(ask({ digest: "abc", until: () => full.promise }), /full/);
  assert.equal(await keptOf("a", "ab", "abc", "abcd"), "a", "the senders of the others wait");
  pass(PATIENCE_MS);
  const found = keptOf("a", "ab", "abc", "abcd");
  resolve();
  full.reject(new Error("full"));
  assert.equal(await found, "ab", "what could not be kept is passed over");
  await Promise.all([later, refused]);
});
