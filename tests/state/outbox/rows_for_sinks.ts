import type { Inside } from "../inside.ts";

/** Publishes an event of each name, of one character each, in that second, and closes its window. */
export function publish(inside: Inside, names: string, second = 1): void {
  inside.take([...names].map((name) => ({ name, value: 1, timestamp: second })));
  inside.save(true);
}

/** Hands `x` what waits for it. It refuses the names of `refused`. */
export function hand(inside: Inside, refused = ""): void {
  const { outbox } = inside;
  for (let batch; (batch = outbox.read("x", outbox.cursor("x"), 1));) {
    const [aggregate] = batch.aggregates;
    if (aggregate && refused.includes(aggregate.name)) {
      outbox.reject("x", aggregate, { reason: "rejected", detail: "no" }, batch.nextId);
    } else outbox.advance("x", batch.nextId);
  }
  inside.save();
}
