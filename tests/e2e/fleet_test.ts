/** `verify --fleet` over instances that run, by their listeners, and over what else may answer there. */
import assert from "node:assert/strict";
import { BOOKS } from "../../src/api/books_endpoint.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { testSeed } from "../support/seed.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { Instances, VIEWER_TOKEN } from "./instances.ts";

const COUNT = 2;

/** Two instances that have delivered everything. */
async function twoInstances(stack: AsyncDisposableStack): Promise<Instances> {
  const directory = stack.use(await temporaryDirectory());
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(
    await Instances.create(broker, postgres, 4, directory.path, testSeed(205)),
  );
  await instances.recount(COUNT);
  await instances.events.publish(1000);
  await instances.events.assertExact(instances.programs);
  return instances;
}

/** Something else that answers at an address, for as long as the stack is open. */
function answerer(stack: AsyncDisposableStack, answer: () => Response | Promise<Response>) {
  const tokens: (string | null)[] = [];
  const server = stack.use(
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      tokens.push(request.headers.get("authorization"));
      return answer();
    }),
  );
  return { url: `http://127.0.0.1:${server.addr.port}`, tokens };
}

Deno.test("running instances are proven by their listeners, by their states, and by both", async () => {
  await using stack = new AsyncDisposableStack();
  const instances = await twoInstances(stack);
  const [url0, url1, state0] = [instances.urlOf(0), instances.urlOf(1), instances.stateOf(0)];
  for (const addresses of [[url0, url1], [state0, url1]]) {
    const { code, stdout, stderr } = await instances.verify(COUNT, addresses);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^fleet +2 instances, 4 partitions, 1000 offsets$/m);
    assert.match(stdout, /^postgres +equal: \d+ of \d+ events/m);
    assert.match(stdout, /no single rows\nPROVEN: each instance's books are right.*\n$/);
  }
  const twice = await instances.verify(COUNT, [url0, url1, url1]);
  assert.match(twice.stdout, /offsets from 0 on are in the books of \S+-1$/m);
  assert.equal(twice.code, 1, twice.stderr);

  const reply = await fetch(`${url1}/api/books`, { headers: { authorization: `Bearer ${VIEWER_TOKEN}` } });
  const books = BOOKS.parse(await reply.json());
  assert.deepEqual(books.share, { index: 1, count: COUNT });
  assert.deepEqual(books.partitions.map(({ reading }) => reading?.ranges), [
    [{ from: 0, to: 250 }],
    [{ from: 0, to: 250 }],
  ]);

  const alone = await instances.verify(COUNT, [url0]);
  assert.match(alone.stdout, /the books of instance 1 of 2 are not here: name its state, too$/m);
  assert.match(alone.stdout, /^NOT PROVEN: 1 fault among the offsets$/m);
  assert.equal(alone.code, 1, alone.stderr);
  await assertRefusals(instances, stack);

  await instances.loseRow(1);
  const lacking = await instances.verify(COUNT, [url0, url1]);
  assert.equal(lacking.code, 1, lacking.stdout + lacking.stderr);
  assert.match(lacking.stdout, /its rows should stand for \d+ events in all .* are missing/);
  assert.match(lacking.stdout, /^NOT PROVEN: the books of \S+-1$/m);
});

/** What gives no books is told, with what to do, and gets no token that is not meant for it. */
async function assertRefusals(instances: Instances, stack: AsyncDisposableStack): Promise<void> {
  const [url0, url1, state0] = [instances.urlOf(0), instances.urlOf(1), instances.stateOf(0)];
  const said = async (addresses: readonly string[], more = {}) => {
    const { code, stdout, stderr } = await instances.verify(COUNT, [state0, ...addresses], more);
    assert.doesNotMatch(stdout + stderr, /(viewer|admin|another)-of-the-tests|hunter2| at .*\.ts/);
    assert.doesNotMatch(stdout, /^PROVEN/m);
    return `${code}: ${stderr}`;
  };
  const nobody = `http://127.0.0.1:${freePort()}`;
  assert.match(
    await said([nobody]),
    /^75: [^]*does not answer \(ECONNREFUSED\)\. Start the handler, or name its STATE_DIR/,
  );
  assert.match(
    await said([url1], { VIEWER_TOKEN: "another-of-the-tests" }),
    /^1: [^]*refuses: .*Give the token of a viewer/,
  );
  const older = answerer(stack, () => new Response("not here", { status: 404 }));
  assert.match(await said([older.url]), /^1: [^]*has no \/api\/books: it is no handler, or an older one/);
  const garbage = answerer(stack, () => Response.json({ instance: "\u001b[2J" }));
  assert.match(await said([garbage.url]), /^1: [^]*answers, but not as a handler of this version does/);
  // A load balancer before the instances.
  let turn = 0;
  const balancer = answerer(stack, async () => {
    const headers = { authorization: `Bearer ${VIEWER_TOKEN}` };
    return await fetch(`${[url0, url1][turn++ % 2]}/api/books`, { headers });
  });
  assert.match(await said([balancer.url]), /^1: [^]*answers as \S+-0 and then as \S+-1: give the address of/);

  assert.match(await said(["http://user:hunter2@plant-7:8090"]), /^2: [^]*has credentials/);
  assert.match(await said([`${url1}/api/books`]), /^2: [^]*has a path/);
  assert.match(await said([""]), /^2: [^]*names an instance by nothing/);

  const other = answerer(stack, () => Response.json({}));
  await said([other.url], { VIEWER_TOKEN: "", ADMIN_TOKEN: "admin-of-the-tests" });
  assert.deepEqual(other.tokens, [null], "the admin's token stays on this host");
  const since = await instances.verify(COUNT, [url1], {}, ["--since", "2026-01-31"]);
  assert.equal(since.code, 2, since.stderr);
  assert.match(since.stderr, /--since does not go with the URL of an instance/);
}
