import assert from "node:assert/strict";
import { certificateEnd } from "../../src/settings/certificate.ts";
import { loadConfig, sourcesOf } from "./sources.ts";
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

Deno.test("each file with certificates that a setting names is known once, by the operator's name of it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const pem = await Deno.readTextFile((await Authority.create(directory, "plant", 10)).caFile);
    const { certificates } = loadConfig(sourcesOf({
      environment: {
        STORAGE_TYPE: "history:postgres",
        HISTORY_POSTGRES_CONNECTION_STRING: "postgres://u:p@db/x?sslrootcert=/ca.pem&sslmode=verify-full",
        VABUS_URL: "https://north,https://south",
        VABUS_CA_FILE: "/ca.pem",
      },
      files: { "/ca.pem": pem },
    }));
    assert.deepEqual(
      certificates.map(({ setting }) => setting).toSorted(),
      ["HISTORY_POSTGRES_CONNECTION_STRING sslrootcert", "VABUS_CA_FILE"],
    );
    assert.deepEqual(new Set(certificates.map(({ endMs }) => endMs)), new Set([certificateEnd(pem)]));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
