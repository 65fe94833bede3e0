/** Filters that match the same topics: which of the copies of a message counts. */
import assert from "node:assert/strict";
import { Subscriptions } from "../../../src/sources/mqtt/subscriptions.ts";
import { meet } from "../../../src/sources/mqtt/topic_filter.ts";

Deno.test("two filters meet where a topic matches both, by the rules of MQTT", () => {
  for (
    const [one, other, expected] of [
      ["a", "a", true],
      ["a", "b", false],
      ["a", "a/b", false],
      ["a/+", "a/b", true],
      ["a/+", "+/b", true],
      ["a/+", "b/+", false],
      ["+", "a/b", false],
      ["a/#", "a", true],
      ["a/#", "a/b/c", true],
      ["a/#", "+/b/#", true],
      ["a/#", "b", false],
      ["#", "a/b", true],
      ["#", "$SYS/a", false],
      ["+/a", "$SYS/a", false],
      ["$SYS/#", "$SYS/a", true],
      ["$share/g/a/+", "a/b", true],
      ["$share/g/a/+", "$share/h/a/b", true],
      ["$share/g/a/+", "g/a/b", false],
      ["a/", "a/+", true],
      ["a/", "a", false],
    ] as const
  ) {
    assert.equal(meet(one, other), expected, `${one} ${other}`);
    assert.equal(meet(other, one), expected, `${other} ${one}`);
  }
});

Deno.test("of the copies of a message the one for the first filter that it matches counts, whatever their number", () => {
  const filters = ["plant/a", "plant/+", "plant/#", "other"];
  const subscriptions = new Subscriptions(filters);
  assert.deepEqual(subscriptions.overlap, ["plant/a", "plant/+"]);
  const [a, plus, all, other] = filters.map((filter) => subscriptions.idOf(filter)!);
  for (
    const [topic, sentFor, isCopy] of [
      ["plant/a", [a], false],
      ["plant/a", [plus], true],
      ["plant/a", [all], true],
      ["plant/a", [all, a, plus], false],
      ["plant/b", [plus], false],
      ["plant/b", [all], true],
      ["plant/b/c", [all], false],
      ["other", [other], false],
      // Nobody knows for which one: a filter of former days, or a broker that does not say.
      ["plant/a", [1], false],
      ["nowhere", [all], false],
      ["plant/a", undefined, false],
    ] as const
  ) {
    assert.equal(subscriptions.isCopy(topic, sentFor as number[] | undefined), isCopy, `${topic} ${sentFor}`);
  }
});

Deno.test("a copy that a group shares may go to another member, so the one for a filter of our own counts", () => {
  const filters = ["$share/g/plant/#", "plant/a", "$share/h/plant/b"];
  const subscriptions = new Subscriptions(filters);
  const [shared, own, other] = filters.map((filter) => subscriptions.idOf(filter)!);
  const isCopy = (topic: string, ...sentFor: number[]) => subscriptions.isCopy(topic, sentFor);
  assert.deepEqual([isCopy("plant/a", own!), isCopy("plant/a", shared!)], [false, true]);
  assert.deepEqual([isCopy("plant/b", shared!), isCopy("plant/b", other!)], [false, true]);
});

Deno.test("a filter keeps its identifier, wherever it stands; filters that match no topic together need none", () => {
  const [one, other] = [new Subscriptions(["a/#", "a/b"]), new Subscriptions(["c", "a/b", "a/#"])];
  for (const filter of ["a/#", "a/b"]) {
    const id = one.idOf(filter)!;
    assert.equal(other.idOf(filter), id);
    assert.ok(id >= 1 && id <= 0x0fffffff);
  }
  assert.notEqual(one.idOf("a/#"), one.idOf("a/b"));
  const apart = new Subscriptions(["a", "b/#"]);
  assert.deepEqual([apart.overlap, apart.idOf("a"), apart.isCopy("a", [7])], [undefined, undefined, false]);
});
