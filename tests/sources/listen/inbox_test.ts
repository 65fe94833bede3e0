import assert from "node:assert/strict";
import { splitArray } from "../../../src/bus/raw_events.ts";
import { Inbox } from "../../../src/sources/listen/inbox.ts";

Deno.test("a request that never comes to its end holds the answers to others back for a moment only", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-inbox-" });
  const inbox = Inbox.open(`${directory}/inbox.sqlite`, 1e6);
  try {
    const hasCome = inbox.expect();
    const records = splitArray(new TextEncoder().encode('[{"name":"a"},{"name":"b"}]'));
    await inbox.append([{ format: "event", topic: undefined, records }], 0);
    assert.equal(inbox.next, 2);
    hasCome();
    hasCome();
    await inbox.append([{ format: "event", topic: undefined, records }], 0);
    assert.equal(inbox.next, 4);
  } finally {
    inbox.close();
    await Deno.remove(directory, { recursive: true });
  }
});
