import assert from "node:assert/strict";
import type { Claim, Claimant } from "../../../src/contract/sink.ts";
import { Lives } from "../../../src/state/outbox/lives.ts";
import { withState } from "../inside.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";

/** A sink that only keeps the claim. */
class Keeper {
  claim: Claim | undefined;

  /** Answers with the objection, if there is one. */
  open(stateId: string, claimant: Claimant): string | undefined {
    const objection = this.claim && claimant.objection(this.claim);
    if (objection !== undefined) return objection;
    const { boot, life } = claimant;
    claimant.claimed();
    this.claim = { stateId, boot, life, nextId: this.claim?.nextId ?? 0 };
    return undefined;
  }

  write(nextId: number): void {
    this.claim = { ...this.claim!, nextId };
  }
}

/** A state directory, and starts of handlers on it. */
class Host {
  constructor(readonly directory: string) {}

  start(startId: number, isAccepted = false) {
    const state = StateDatabase.open({ directory: this.directory, instanceId: "one" });
    const claimant = Lives.begin(state, startId).claimant("postgres", isAccepted);
    return { claimant, stateId: state.stateId, end: () => state.close() };
  }

  copy(): Host {
    const directory = `${this.directory}.${crypto.randomUUID()}`;
    Deno.mkdirSync(directory);
    for (const { name } of Deno.readDirSync(this.directory)) {
      Deno.copyFileSync(`${this.directory}/${name}`, `${directory}/${name}`);
    }
    return new Host(directory);
  }
}

function withHost(test: (host: Host, sink: Keeper) => void): () => Promise<void> {
  return async () => {
    const root = await Deno.makeTempDir({ prefix: "vabus-lives-" });
    try {
      test(new Host(`${root}/state`), new Keeper());
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  };
}

/** Starts, opens the sink, writes up to `nextId` if it may, and ends. Answers with the objection. */
function run(
  host: Host,
  sink: Keeper,
  startId: number,
  nextId: number,
  isAccepted = false,
): string | undefined {
  const { claimant, stateId, end } = host.start(startId, isAccepted);
  const objection = sink.open(stateId, claimant);
  if (objection === undefined) sink.write(nextId);
  end();
  return objection;
}

Deno.test(
  "starts one after another on one state never object, also where the sink has missed some",
  withHost((host, sink) => {
    assert.equal(run(host, sink, 0, 10), undefined);
    assert.equal(run(host, sink, 12, 15), undefined);
    const away = new Keeper();
    for (let i = 0; i < 5; i++) assert.equal(run(host, away, 20, 20), undefined);
    assert.equal(run(host, sink, 20, 25), undefined);
  }),
);

Deno.test(
  "a sink that was restored to an earlier claim of this state is no other life",
  withHost((host, sink) => {
    run(host, sink, 0, 10);
    const earlier = sink.claim;
    run(host, sink, 10, 20);
    run(host, sink, 20, 30);
    sink.claim = earlier;
    assert.equal(run(host, sink, 30, 40), undefined);
  }),
);

Deno.test(
  "a state that was rolled back within one start is known by what the sink has got since",
  withHost((host, sink) => {
    const { claimant, stateId, end } = host.start(0);
    sink.open(stateId, claimant);
    sink.write(10);
    const snapshot = host.copy();
    sink.write(20);
    end();
    // It had made 10; a copy that has nothing left to lose is as good as the original.
    assert.match(
      run(snapshot, sink, 10, 15) ?? "",
      /up to number 20, and this state had made those up to number 10/,
    );
    // And however far it comes before the sink can be reached.
    assert.match(
      run(snapshot, sink, 50, 60) ?? "",
      /up to number 20, .* up to number 10 only.*restore --from FILE/s,
    );
    assert.equal(run(host, sink, 20, 30), undefined);
  }),
);

Deno.test(
  "a state that was rolled back to before a start knows nothing of that start",
  withHost((host, sink) => {
    run(host, sink, 0, 10);
    const snapshot = host.copy();
    run(host, sink, 10, 10);
    for (let i = 0; i < 3; i++) {
      assert.match(run(snapshot, sink, 10, 15) ?? "", /number 2\) that this state knows nothing of/);
    }
  }),
);

Deno.test(
  "of two lives of one state the later one takes over, and the earlier one never comes back by itself",
  withHost((host, sink) => {
    const first = host.start(0);
    sink.open(first.stateId, first.claimant);
    const copy = host.copy();
    assert.equal(run(copy, sink, 0, 5), undefined);
    assert.match(sink.open(first.stateId, first.claimant) ?? "", /knows nothing of/);
    first.end();
    assert.match(run(host, sink, 5, 10) ?? "", /--accept-sink postgres/);
    assert.equal(run(host, sink, 5, 10, true), undefined);
    assert.match(run(copy, sink, 5, 10) ?? "", /knows nothing of/);
    assert.equal(run(host, sink, 10, 20), undefined);
  }),
);

Deno.test(
  "an operator's word counts for what was there at the start, not for what takes over later",
  withHost((host, sink) => {
    run(host, sink, 0, 0);
    const copy = host.copy();
    run(copy, sink, 0, 0);
    const accepting = host.start(0, true);
    assert.equal(sink.open(accepting.stateId, accepting.claimant), undefined);
    run(copy, sink, 0, 0, true);
    assert.match(sink.open(accepting.stateId, accepting.claimant) ?? "", /knows nothing of/);
    accepting.end();
  }),
);

Deno.test(
  "another state takes over, and who has been at work here does not take that back",
  withHost((host, sink) => {
    const first = host.start(0);
    sink.open(first.stateId, first.claimant);
    sink.claim = { stateId: "another", boot: 1, life: "x", nextId: 3 };
    assert.match(sink.open(first.stateId, first.claimant) ?? "", /another handler with this INSTANCE_ID/);
    first.end();
    assert.equal(run(host, sink, 5, 10), undefined);
  }),
);

Deno.test(
  "a position that the state had not reached when it started is another life's",
  withHost((host) => {
    const { claimant, end } = host.start(7);
    assert.equal(claimant.startId, 7);
    assert.match(claimant.objectionToPosition(9) ?? "", /up to number 9, .* number 7 only/);
    end();
    const accepting = host.start(7, true);
    assert.equal(accepting.claimant.objectionToPosition(9), undefined);
    accepting.end();
  }),
);

Deno.test(
  "the state says which sink disputes it, until the sink is its own",
  withHost((host) => {
    const state = StateDatabase.open({ directory: host.directory, instanceId: "one" });
    const lives = Lives.begin(state, 7);
    assert.equal(lives.dispute, undefined);
    const claimant = lives.claimant("postgres", false);
    const objection = claimant.objectionToPosition(9);
    assert.equal(lives.dispute, `postgres: ${objection}`);
    claimant.claimed();
    assert.equal(lives.dispute, undefined);
    state.close();
  }),
);

Deno.test(
  "a start knows its own claim again, and objects to another one with its number",
  withHost((host) => {
    const { claimant: { boot, life, objection }, stateId, end } = host.start(7);
    const claim = { stateId, boot, life, nextId: 99 };
    assert.equal(objection(claim), undefined);
    assert.match(objection({ ...claim, life: "x" }) ?? "", /number 1\) that this state knows nothing of/);
    assert.match(objection({ ...claim, boot: 2 }) ?? "", /number 2\) that this state knows nothing of/);
    assert.equal(objection({ ...claim, boot: 0 }), undefined, "from before what is remembered");
    end();
  }),
);

Deno.test(
  "the latest starts are remembered, and no more",
  withHost((host) => {
    const state = StateDatabase.open({ directory: host.directory, instanceId: "one" });
    state.transaction(() => {
      for (const boot of [1, 2, 4096]) state.seal.put("life", { boot, token: `${boot}`, end_id: boot });
    });
    Lives.begin(state, 5000);
    const boots = state.all<{ boot: number }>("SELECT boot FROM life ORDER BY boot").map(({ boot }) => boot);
    assert.deepEqual(boots, [2, 4096, 4097]);
    state.close();
  }),
);

Deno.test("what is said where a state must be a copy of another one says what to do", () =>
  withState((state) => {
    const { stateId } = state;
    const claimant = Lives.begin(state, 0).claimant("x", false);
    assert.match(
      claimant.objection({ stateId, boot: 5, life: "of another", nextId: 0 })!,
      /^it was last written .* \(number 5\) .* nothing of\. So this state is a copy of one .* to an earlier moment\. Nothing is written here, or numbers would be wrong\. If another handler runs on such .* --accept-sink x$/,
    );
  }));
