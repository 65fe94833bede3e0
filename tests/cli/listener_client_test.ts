/** What `tap` and `status --watch` make of a listener that is not to be trusted. */
import assert from "node:assert/strict";
import { PIPELINE } from "../../src/api/pipeline_endpoint.ts";
import { TAP_EVENTS } from "../../src/api/tap_endpoint.ts";
import { ListenerClient } from "../../src/cli/listener_client.ts";
import type { Config } from "../../src/settings/config.ts";

const NEVER = new AbortController().signal;
const settings = (httpTokens: Config["httpTokens"]) => ({ httpListen: undefined, httpTokens }) as Config;

Deno.test("the admin's token goes to the listener of the settings only, and a token in the clear is known", () => {
  const admin = settings({ viewer: undefined, admin: "admin-of-the-tests" });
  assert.equal(ListenerClient.of(admin, "http://plant-7")!.exposesToken, false);
  const viewer = settings({ viewer: "viewer-of-the-tests", admin: undefined });
  const exposes = (url: string) => ListenerClient.of(viewer, url)!.exposesToken;
  for (
    const url of [
      "http://plant-7",
      "http://localhost.example",
      "http://127.example",
      "http://1270.0.0.1.example",
    ]
  ) {
    assert.ok(exposes(url), url);
  }
  for (
    const url of [
      "http://localhost",
      "http://127.0.0.1",
      "http://[::1]",
      "https://plant-7",
    ]
  ) {
    assert.ok(!exposes(url), url);
  }
});

Deno.test("an answer that no handler gives is told as such, and nothing of it is shown", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json({ state: "\u001b[2J" }),
  );
  const client = ListenerClient.of(
    settings({ viewer: undefined, admin: undefined }),
    `http://127.0.0.1:${server.addr.port}`,
  )!;
  await assert.rejects(client.get("/api/pipeline", PIPELINE, NEVER), {
    name: "ListenerError",
    kind: "foreign",
  });
  for (const data of [{}, null, { name: "a", value: "\u001b[2J", timestamp: 1, source: "b" }]) {
    assert.throws(() => client.checked(TAP_EVENTS.event, data), { name: "ListenerError", kind: "foreign" });
  }
});

Deno.test("what answers in the place of a handler and repeats the token is told without it", async () => {
  const viewer = "viewer-of-the-tests";
  for (const status of [403, 418]) {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ headers }) =>
        Response.json({ error: { message: `no ${headers.get("authorization")}` } }, { status }),
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const client = ListenerClient.of(settings({ viewer, admin: undefined }), url)!;
    await assert.rejects(client.get("/api/pipeline", PIPELINE, NEVER), { message: /: no Bearer \*\*\*/ });
  }
});
