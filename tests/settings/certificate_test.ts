import assert from "node:assert/strict";
import { certificateEnd } from "../../src/settings/certificate.ts";
import { Authority } from "../support/certificates.ts";

const DAYS = 24 * 3600 * 1000;

Deno.test("a chain ends with its first certificate, authorities with the last of them, and other texts never", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [early, late] = [
      await Authority.create(directory, "early", 10),
      await Authority.create(directory, "late", 30),
    ];
    const { certFile } = await early.sign("own", [], 5);
    const [earlyPem, latePem, ownPem] = await Promise.all(
      [early.caFile, late.caFile, certFile].map((file) => Deno.readTextFile(file)),
    ) as [string, string, string];
    const daysOf = (pem: string) => Math.round((certificateEnd(pem)! - certificateEnd(ownPem)!) / DAYS) + 5;
    assert.deepEqual([daysOf(ownPem), daysOf(earlyPem), daysOf(latePem)], [5, 10, 30]);
    assert.equal(daysOf(`subject=own\n${ownPem}issuer=early\n${latePem}`), 5, "a chain");
    assert.equal(daysOf(earlyPem + latePem), 30, "authorities");
    assert.equal(certificateEnd(""), undefined);
    assert.equal(
      certificateEnd("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"),
      undefined,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
