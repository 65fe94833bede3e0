/** Another number of instances, and one that is gone for good: by the commands of docs/operations.md. */
import assert from "node:assert/strict";
import { MarkdownPage } from "../../scripts/markdown_page.ts";
import { PATIENCE_MS, temporaryDirectory, until } from "../support/executable.ts";
import { testSeed } from "../support/seed.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { Host, type Replacement } from "./hosts.ts";
import { Instances } from "./instances.ts";

const PARTITIONS = 6;
const EVENTS = 1000;

/** Commands, and the numbers of the instances on whose hosts they are typed. */
interface Step {
  readonly on: readonly number[];
  readonly commands: string;
}

async function stepsOfDocument(): Promise<Step[]> {
  const page = new MarkdownPage(
    await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url)),
  );
  return page.fences.flatMap(({ mark, text }) => {
    const [, on] = /^instances=(.*)$/.exec(mark) ?? [];
    return on === undefined ? [] : [{ on: on.split(",").map(Number), commands: text }];
  });
}

Deno.test("docs/operations.md: 2, 4 and 3 instances, and one that is gone for good, under load", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(
    await Instances.create(broker, postgres, PARTITIONS, directory, testSeed(215)),
  );
  const { events } = instances;
  await Deno.mkdir(`${directory}/backup`);
  const replacements: Replacement[] = [
    ["/mnt/backup", `'${directory}/backup'`],
    ["/srv/", `${directory}/srv/`],
    ...[0, 1, 2].map((i): Replacement => [`https://handler-${i}:8090`, instances.urlOf(i)]),
  ];
  const hosts: Host[] = [];
  for (const [i, count] of [2, 2, 4, 4].entries()) {
    hosts.push(
      stack.use(await Host.make(`${directory}/${i}`, instances.environment(i, count), replacements)),
    );
  }
  const programs = () => hosts.flatMap((host) => host.programs);

  const steps = await stepsOfDocument();
  /** Runs the next commands of the document on the hosts that they are for. Returns what they print. */
  const next = async (
    on: readonly number[],
    isDone: (printed: string, host: number) => boolean = () => true,
  ) => {
    const step = steps.shift();
    assert.deepEqual(step?.on, on, step?.commands);
    let printed: string[] = [];
    // An operator looks again and again, too.
    await until(
      async () => {
        printed = [];
        for (const i of on) printed.push(await hosts[i]!.run(step!.commands));
        return printed.every((text, i) => isDone(text, on[i]!));
      },
      () => `what the document says, and not\n${printed.join("\n")}`,
      PATIENCE_MS,
      programs(),
    );
    return printed;
  };

  await Promise.all([hosts[0]!.start(), hosts[1]!.start()]);
  await events.publish(EVENTS);
  await events.during(async () => {
    await hosts[1]!.crash();
    await next([0, 1]);
    await hosts[0]!.crash();
    await next([2, 3]);
    await hosts[3]!.crash();
    await next([0, 1, 2, 3], readsItsShare);
    await next([0, 1, 2, 3]);
    await hosts[2]!.crash();
    await hosts[3]!.crash();
    await next([0, 1, 2, 3], (status, host) => host === 3 ? isEmpty(status) : readsItsShare(status));
    await next([3]);
  });
  await events.assertExact(programs());
  const [proof] = await next([0]);
  assert.match(proof!, /^fleet +4 instances, 6 partitions, \d+ offsets$/m);
  assert.match(proof!, /^PROVEN: each instance/m);

  await hosts[2]!.lose();
  await events.publish(EVENTS);
  await next([0, 1]);
  await next(
    [0, 1],
    (status) => /1 partition of \S+ is waited for: \S+ \(\S+-2 has not given it away/.test(status),
  );
  await next([0, 1]);
  await events.assertNoneMissing(programs());
  assert.deepEqual(steps, []);
});

/** What `status` says of an instance that reads all that it should. */
function readsItsShare(status: string): boolean {
  return /^ready +yes$/m.test(status) && !/waited for/.test(status);
}

/** What `status` says of an instance that has nothing left to do. */
function isEmpty(status: string): boolean {
  return /^windows +0 open$/m.test(status) && /^outbox +nothing waits/m.test(status) && /given/.test(status);
}
