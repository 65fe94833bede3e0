/** What servers say is shown without the secrets that they were sent, in whatever form they repeat them. */
import assert from "node:assert/strict";
import { concealing } from "../../src/settings/redaction.ts";
import fc from "../support/fast_check.ts";

const SECRET = 'gü"t/ %geheim+9';

Deno.test("a secret is removed as it is, in JSON, in a URL of either case, and where it was cut off", () => {
  const conceal = concealing(["short", SECRET, undefined, ""]);
  for (
    const form of [
      SECRET,
      encodeURIComponent(SECRET),
      encodeURIComponent(SECRET).toLowerCase(),
      encodeURIComponent(SECRET).replace("%2F", "/"),
      JSON.stringify(SECRET).slice(1, -1),
      SECRET.slice(0, -2),
      "short",
    ]
  ) assert.equal(conceal(`no: ${form}. ${form}`), "no: ***. ***", form);
  assert.equal(conceal("a shore, and gü"), "a shore, and gü");
});

Deno.test("a form that begins as another one is removed to its end", () => {
  assert.equal(concealing(["dTpnZWjDvCAraW0lQA=="])("Basic dTpnZWjDvCAraW0lQA=="), "Basic ***");
});

Deno.test("a secret of several lines is removed from a message, which is one line", () => {
  const conceal = concealing(["-----BEGIN KEY-----\nMIIabc\r\nMIIdef\n"]);
  assert.equal(conceal("no: -----BEGIN KEY----- MIIabc MIIdef "), "no: ***");
});

Deno.test("the longest secret is removed first, so that no shorter one leaves a part of it", () => {
  assert.equal(concealing(["geheim", "geheimnis-7"])("geheimnis-7, geheim"), "***, ***");
});

Deno.test("a password that is a word of the settings as they are shown leaves messages readable", () => {
  const conceal = concealing(["postgres", "x"], ["postgres://postgres:***@postgres:5432/plant"]);
  const message = "PostgreSQL at postgres:5432 is out of reach: max";
  assert.equal(conceal(message), message);
  const url = "postgres://reader:geheim@db/plant";
  const shown = "postgres://reader:***@db/plant";
  assert.equal(concealing([url, "geheim"], [shown])(`no ${shown}, ${url}`), `no ${shown}, ***`);
});

Deno.test("whatever a secret has in it, no text around it keeps it", () => {
  const secret = fc.string({ minLength: 3, maxLength: 40, unit: "binary" })
    .filter((text) => !/[\r\n\u2028\u2029*]/.test(text));
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (secret, before, after) => {
      assert.ok(!concealing([secret])(before + secret + after).includes(secret));
    }),
  );
});
