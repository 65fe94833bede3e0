/** Whole scripts, as they were when they last ran on a real Flink; `WRITE_GOLDEN=1` writes them anew. */
import assert from "node:assert/strict";
import { StartOffsets } from "../../src/flink/start_offsets.ts";
import { jobOf, LEAST } from "./job.ts";

const CASES: Readonly<Record<string, Parameters<typeof jobOf>>> = {
  least: [LEAST],
  plant: [{
    ...LEAST,
    STORAGE_TYPE: "kafka,postgres,history:postgres,archive:sqlite",
    VABUS_URL:
      "kafkas://reader:s3cr3t@broker1:9092,broker2:9092/line1,line2?sasl=scram-sha-512,http://bus:8000",
    VABUS_CA_FILE: "/tls/ca.pem",
    KAFKA_SSL: "true",
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: "writer",
    KAFKA_SASL_PASSWORD: "s3cr3t2",
    POSTGRES_CONNECTION_STRING: "postgres://vabus:s3cr3t3@db:5432/plant",
    HISTORY_POSTGRES_CONNECTION_STRING:
      "postgres://vabus:s3cr3t4@db1,db2/plant?target_session_attrs=read-write",
    HISTORY_POSTGRES_TABLE: "metering.hourly",
    ARCHIVE_SQLITE_PATH: "/data/archive.sqlite",
    AGGREGATION_INTERVAL: "0.5,10,300/60,1d",
    AGG_FUNCTIONS: "*.temperature=avg,min,max;o'brien_100%=last;debug.*=none;*.load=p99.9;*=sum",
    ROUTES: "orders.*@10=kafka;*@1d=history;debug.*=none;*=kafka,postgres,archive",
    CORRECTION_HORIZON: "7d",
  }],
  mapped: [{
    ...LEAST,
    STORAGE_TYPE: "stdout",
    EVENT_NAME: "{/meta/machine}.{topic[1]}",
    EVENT_VALUE: "/reading/value",
    EVENT_TIMESTAMP: "/meta/at",
    EVENT_TIME_UNIT: "rfc3339",
    EVENT_FUNCTION: "/meta/agg",
    EVENT_ID: "/uuid",
    EVENT_LABELS: "site:/meta/site,line:{key}",
    DEDUP_MAX_IDS: "0",
  }],
  value: [{ ...LEAST, EVENT_FORMAT: "value", EVENT_LABELS: "site:{topic[0]}" }, { endsWhenRead: true }],
  moved: [LEAST, {
    parallelism: 4,
    offsets: new StartOffsets(
      new Map([["kafka://broker1:9092/readings", [
        { partition: "readings/0", position: "17" },
        { partition: "readings/1", position: undefined },
        { partition: "readings/2", position: "4" },
        { partition: "other/0", position: "9" },
      ]]]),
    ),
  }],
};

for (const [name, parameters] of Object.entries(CASES)) {
  Deno.test(`the script of the case ${name}`, async () => {
    const path = new URL(`golden/${name}.sql`, import.meta.url);
    const { script, secrets } = jobOf(...parameters);
    for (const secret of secrets) assert.ok(!script.includes(secret), "a secret is in the script");
    if (Deno.env.get("WRITE_GOLDEN")) await Deno.writeTextFile(path, script);
    assert.equal(script, await Deno.readTextFile(path));
  });
}
