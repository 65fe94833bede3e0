import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Rig } from "./rig.ts";

const NOW_S = 1_700_000_000;
const TIME = `${NOW_S}000000000`;
/** Values that are kept of a body that is sent again after the handler was killed. */
const keptOfTwo = async (body: string, path = "/write", events = {}) => {
  await using rig = await Rig.start({ events });
  const first = await rig.post(path, body);
  await rig.restart();
  const second = await rig.post(path, body);
  assert.deepEqual([second.status, second.text], [first.status, first.text]);
  return (await rig.read()).map(({ value }) => value);
};

Deno.test("lines that all have times count once where their sender may not have been answered", async () => {
  for (const path of ["/write?db=d", "/api/v2/write?bucket=b"]) {
    await using rig = await Rig.start();
    const lines = `m f=1 ${TIME}\nm f=2,g=3i ${TIME}`;
    const zipped = Uint8Array.from(gzipSync(lines));
    const replies = [await rig.post(path, lines)];
    for (const body of [lines, zipped]) {
      await rig.restart();
      replies.push(await rig.post(path, body, body === zipped ? { "content-encoding": "gzip" } : {}));
    }
    assert.deepEqual(replies.map(({ status, text }) => [status, text]), replies.map(() => [204, ""]));
    assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 2, 3]);
    const others = [[path, `${lines}\nm t="x"`], [`${path}2`, lines], [
      `${path}&precision=ns`,
      lines,
    ]] as const;
    for (const [otherPath, body] of others) {
      assert.equal((await rig.post(otherPath, body)).status, 204);
      assert.equal((await rig.read()).length, 3, `${otherPath} ${body}`);
    }
  }
});

Deno.test("lines behind those that were kept count, as of a sender that adds what has come meanwhile", async () => {
  const body = (values: number, separator = "\n") =>
    Array.from({ length: values }, (_, i) => `m f=${i} ${TIME}`).join(separator);
  for (const [separator, end] of [["\n", "\n"], ["\r\n", "\r\n"], ["\n", ""]] as const) {
    await using rig = await Rig.start();
    for (const values of [2, 3, 4, 4, 6]) {
      await rig.restart();
      assert.equal((await rig.post("/write", body(values, separator) + end)).status, 204);
    }
    // No request was as short.
    await rig.restart();
    assert.equal((await rig.post("/write", body(1, separator) + end)).status, 204);
    const zipped = Uint8Array.from(gzipSync(body(7, separator) + end));
    assert.equal((await rig.post("/write", zipped, { "content-encoding": "gzip" })).status, 204);
    assert.deepEqual((await rig.read()).map(({ value }) => value), [0, 1, 2, 3, 4, 5, 0, 6]);
  }
});

Deno.test("a body that begins with another one in the middle of a line is another one", async () => {
  await using rig = await Rig.start();
  await rig.post("/write", `m f=1 ${TIME}`);
  await rig.restart();
  await rig.post("/write", `m f=1 ${TIME}0\n`);
  await rig.post("/write?db=d", `m f=1 ${TIME}\nm f=2 ${TIME}`);
  assert.equal((await rig.read()).length, 4);
});

Deno.test("lines that were answered are others when they come again, as of two devices in one second", async () => {
  await using rig = await Rig.start();
  const replies = await Promise.all([1, 2, 3].map(() => rig.post("/write", `m f=1 ${TIME}`)));
  replies.push(await rig.post("/write", `m f=1 ${TIME}`));
  assert.deepEqual(replies.map(({ status }) => status), [204, 204, 204, 204]);
  assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 1, 1, 1]);
});

Deno.test("lines that come again a second after their answer count as perhaps repeated, also after a restart", async () => {
  let nowMs = NOW_S * 1000;
  await using rig = await Rig.start({ nowMs: () => nowMs });
  const post = (value: number, passMs: number) => {
    nowMs += passMs;
    return rig.post("/write", `m f=${value} ${TIME}\n`);
  };
  for (const [value, passMs] of [[1, 0], [1, 999], [2, 0], [1, 1000], [2, 9000], [3, 0]] as const) {
    assert.equal((await post(value, passMs)).status, 204);
  }
  await rig.post("/write", "m f=4");
  nowMs += 5000;
  await rig.post("/write", "m f=4");
  await rig.restart();
  assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 1, 2, 1, 2, 3, 4, 4]);
  assert.deepEqual(rig.doubtful, [1, 2]);
  // The next runs have no part in that.
  await post(5, 0);
  await rig.read();
  await post(5, 1000);
  await post(6, 0);
  await rig.read();
  assert.deepEqual(rig.doubtful, [1, 2, 5]);
});

Deno.test("lines that waited while the process stood still count once when they come again", async () => {
  let nowMs = NOW_S * 1000;
  await using rig = await Rig.start({ nowMs: () => nowMs });
  const lines = `m f=1 ${TIME}\n`;
  await rig.post("/write", `m f=0 ${TIME}\n`);
  nowMs += 6500;
  for (const body of [lines, lines, `${lines}m f=2 ${TIME}\n`]) {
    assert.equal((await rig.post("/write", body)).status, 204);
  }
  assert.deepEqual((await rig.read()).map(({ value }) => value), [0, 1, 2]);
});

Deno.test("a line that stands twice in a body counts twice, and the body that is sent again not", async () => {
  assert.deepEqual(await keptOfTwo(`m f=1 ${TIME}\nm f=1 ${TIME}\n`), [1, 1]);
});

Deno.test("what is no event needs no time: comments, empty lines, lines of text and lines that are refused", async () => {
  const lines = ["# a comment", "", ` m f=1 ${TIME} `, 'm t="text 5"', "  ", `m f=2,t="on\nair 5" ${TIME}`];
  assert.deepEqual(await keptOfTwo(lines.join("\r\n")), [1, 2]);
  assert.deepEqual(await keptOfTwo(`m f=1 ${TIME}\nbad\nm f=nan\nm f=2 ${TIME}`), [1, 2]);
});

Deno.test("a time of any precision is one", async () => {
  const precisions = { s: NOW_S, ms: NOW_S * 1e3, u: NOW_S * 1e6, m: 28_333_333, h: 472_222 };
  for (const [precision, time] of Object.entries(precisions)) {
    assert.deepEqual(await keptOfTwo(`m f=1 ${time}`, `/write?precision=${precision}`), [1], precision);
  }
  // It is far ahead, and is refused for that later.
  assert.deepEqual(await keptOfTwo(`m f=1 ${NOW_S}000`, "/write?precision=s"), [1]);
});

Deno.test("a request with a line without a time counts whenever it comes", async () => {
  const timed = `m f=1 ${TIME}\n`;
  assert.deepEqual(await keptOfTwo("m f=1"), [1, 1]);
  assert.deepEqual(await keptOfTwo(`${timed}m f=2`), [1, 2, 1, 2]);
  assert.deepEqual(await keptOfTwo(`m f=2\r\n${timed}bad`), [2, 1, 2, 1]);
  // The space belongs to the value of g, which is no number.
  assert.deepEqual(await keptOfTwo(`m f=1,g=\\ 5`), [1, 1]);
  assert.equal((await keptOfTwo(`${timed.repeat(5000)}m f=1`)).length, 10_002);
  assert.equal((await keptOfTwo(timed.repeat(5001))).length, 5001);
});

Deno.test("times that EVENT_TIMESTAMP=bus leaves aside do not make a request known by what it says", async () => {
  const lines = `m f=1 ${TIME}`;
  assert.deepEqual(await keptOfTwo(lines, "/write", { format: "influx", timestamp: "bus" }), [1, 1]);
  assert.deepEqual(await keptOfTwo(lines, "/write", { timestamp: "bus" }), [1, 1]);
  assert.deepEqual(await keptOfTwo(lines, "/write", { format: "json", timestamp: "/t" }), [1]);
});

Deno.test("lines with a key go by the key, and are unknown without it", async () => {
  await using rig = await Rig.start();
  for (const key of ["a", "b", "a", undefined]) {
    const headers: Record<string, string> = key === undefined ? {} : { "idempotency-key": key };
    assert.equal((await rig.post("/write", `m f=1 ${TIME}`, headers)).status, 204);
  }
  assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 1, 1]);
});

Deno.test("lines that could not be kept are tried anew when they come again", async () => {
  await using rig = await Rig.start();
  const { append } = rig.inbox;
  rig.inbox.append = () => Promise.reject(new Error("disk I/O error"));
  assert.equal((await rig.post("/write", `m f=1 ${TIME}`)).status, 503);
  rig.inbox.append = append;
  assert.equal((await rig.post("/write", `m f=1 ${TIME}`)).status, 204);
  assert.deepEqual((await rig.read()).map(({ value }) => value), [1]);
});
