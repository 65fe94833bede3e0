import assert from "node:assert/strict";
import { isWhole } from "../../../src/sources/nats/missing_messages.ts";

Deno.test("all of a stream is read where no subjects are chosen, or each of its own is among them", () => {
  const subjects = ["plant.*.temp", "plant.door"];
  assert.ok(isWhole({ subjects }, []));
  assert.ok(isWhole({ subjects }, [">"]));
  assert.ok(isWhole({ subjects }, ["plant.>"]));
  assert.ok(isWhole({ subjects }, ["plant.door", "plant.*.temp"]));
  assert.ok(!isWhole({ subjects }, ["plant.door"]));
  assert.ok(!isWhole({ subjects }, ["plant.line1.temp", "plant.door"]));
  assert.ok(isWhole({ subjects: [] }, [">"]));
  assert.ok(!isWhole({ subjects: [] }, ["plant.>"]), "whose subjects are not known");
});
