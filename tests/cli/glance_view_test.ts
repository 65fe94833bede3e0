import assert from "node:assert/strict";
import { glanceLine, glanceScreen, type Seen } from "../../src/cli/glance_view.ts";
import { columnsOf } from "../../src/platform/terminal/text_width.ts";

const PLAIN = (text: string) => text;
const STYLE = { strong: PLAIN, good: PLAIN, bad: PLAIN, notable: PLAIN };
const NOTE = `3 series are refused: ${"plant.line6.temperature.30 (by 60 min), ".repeat(8)}`;

function source(name: string) {
  return {
    name,
    state: "reading",
    error: undefined,
    received: 5,
    refused: 0,
    unread: undefined,
    newestEventMs: 1000,
  };
}

const SEEN: Seen = {
  from: "the state",
  note: "The listener does not answer. What is shown is the state, without what only the handler knows.",
  rates: { received: 5, receivedOf: new Map(), refusedOf: new Map(), deliveredTo: new Map() },
  glance: {
    atMs: 2000,
    instance: "edge",
    stateFile: "/var/lib/state.sqlite",
    stateBytes: 1,
    checkpointMs: 1000,
    causes: [],
    alarms: [],
    notes: [{ name: "clock_ahead", detail: NOTE }],
    sources: [source("http://bus.example"), source("listen://edge.example")],
    windows: [{ windowSeconds: 5, open: 2 }],
    watermarkMs: 1000,
    lagMs: 1000,
    received: 5,
    refused: 0,
    outbox: { rows: 0, maxRows: 100 },
    sinks: [{
      name: "sqlite",
      state: "delivering",
      error: undefined,
      deliveredPerSecond: 1,
      waiting: 0,
      waitingSinceMs: undefined,
    }],
    deadLetters: new Map(),
    counts: [[5, "received since the start"]],
  },
};

function screen(columns: number, rows: number, seen = SEEN): string[] {
  return glanceScreen(seen, { columns, rows }, STYLE);
}

Deno.test("a low screen shows sources and sinks, and a line of each note", () => {
  const text = screen(80, 10).join("\n");
  for (const said of [/^ready {2}edge/, /http:.*reading/, /listen:.*reading/, /sqlite.*delivering/]) {
    assert.match(text, said);
  }
  assert.match(text, /^NOTE 3 series are refused.*…$/m);
  assert.match(text, /^… 6 more lines; q ends$/m);
  const failing = { ...SEEN.glance, causes: [{ name: "sink_unavailable", detail: "sqlite: locked" }] };
  assert.equal(screen(60, 10, { ...SEEN, glance: failing })[1], "sink_unavailable: sqlite: locked");
});

Deno.test("a screen with room has all, and says first where it is from", () => {
  const lines = screen(120, 40);
  assert.equal(lines[2], "seen from the state");
  assert.equal(lines.filter((line) => line === "").length, 4);
  assert.equal(lines.at(-1), "q ends");
});

Deno.test("a sink that is left alone for a while is not said to be broken", () => {
  const [sink] = SEEN.glance.sinks;
  const away = { ...SEEN, glance: { ...SEEN.glance, sinks: [{ ...sink!, state: "broken" }] } };
  assert.match(screen(80, 24, away).join("\n"), /^sqlite +not tried for now /m);
  assert.match(glanceLine(away), /sink sqlite not tried for now, 0 waiting/);
});

Deno.test("one of a thing is told as one", () => {
  const { glance } = SEEN;
  const one = { ...glance, outbox: { rows: 1, maxRows: 100_000 } };
  assert.ok(
    screen(120, 40, { ...SEEN, glance: one }).includes("OUTBOX   1 aggregate waits, room for 100,000"),
  );
  const many = { ...glance, outbox: { rows: 1234, maxRows: undefined } };
  assert.ok(screen(120, 40, { ...SEEN, glance: many }).includes("OUTBOX   1,234 aggregates wait"));
  assert.match(
    glanceLine({ ...SEEN, glance: { ...glance, windows: [{ windowSeconds: 5, open: 1 }] } }),
    /; 1 window open;/,
  );
});

Deno.test("no screen is larger than the terminal", () => {
  for (let columns = 1; columns <= 200; columns += 7) {
    for (let rows = 1; rows <= 40; rows++) {
      const lines = screen(columns, rows);
      assert.ok(lines.length <= rows, `${columns} x ${rows}`);
      for (const line of lines) assert.ok(columnsOf(line) <= columns, `${columns} x ${rows}: ${line}`);
    }
  }
});
