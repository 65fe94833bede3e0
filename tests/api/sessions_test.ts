import assert from "node:assert/strict";
import { SESSION_SECONDS, Sessions } from "../../src/api/sessions.ts";

Deno.test("a session lasts twelve hours, and is what it was signed as", () => {
  let nowMs = 1_700_000_000_000;
  const sessions = new Sessions(() => nowMs);
  const text = sessions.open("viewer");
  assert.equal(SESSION_SECONDS, 12 * 3600);
  assert.equal(sessions.read(text)?.role, "viewer");
  for (
    const forged of [
      text.replace("viewer", "admin"),
      text.replace(/\.\d+\./, (end) => `.${Number(end.slice(1, -1)) + 1}.`),
      text.slice(0, -1),
      `${text}0`,
      "",
      "viewer",
    ]
  ) assert.equal(sessions.read(forged), undefined, forged);
  assert.equal(new Sessions(() => nowMs).read(text), undefined, "another start has another key");
  nowMs += SESSION_SECONDS * 1000 - 1000;
  assert.ok(sessions.read(text));
  nowMs += 1000;
  assert.equal(sessions.read(text), undefined);
});

Deno.test("a session that was ended is none, however many were; what is kept of them is bounded", () => {
  const sessions = new Sessions(() => 1_700_000_000_000);
  const first = sessions.open("admin");
  const bystander = sessions.open("admin");
  sessions.end(sessions.read(first)!);
  for (let i = 0; i < 9_999; i++) sessions.end({ id: `${i}`, role: "viewer", endsAt: 1_800_000_000 });
  assert.equal(sessions.read(first), undefined);
  assert.ok(sessions.read(bystander));
  sessions.end({ id: "one more", role: "viewer", endsAt: 1_800_000_000 });
  assert.equal(sessions.read(first), undefined, "the key is another one now");
  assert.equal(sessions.read(bystander), undefined);
});
