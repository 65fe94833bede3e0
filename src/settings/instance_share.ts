import type { Ledger } from "./ledger.ts";
import type { InstanceShare } from "./share.ts";
import type { CoreValues } from "./variables.ts";

/** The share by `INSTANCE_COUNT`; undefined: the instance is alone. Faults go into the ledger. */
export function instanceShare(
  { INSTANCE_COUNT: count, INSTANCE_GROUP, INSTANCE_INDEX: given }: CoreValues,
  instanceId: string,
  hostName: string,
  ledger: Ledger,
): InstanceShare | undefined {
  if (count === undefined) {
    // What is wrong with it was said.
    if (ledger.isGiven("INSTANCE_COUNT")) return undefined;
    for (const name of ["INSTANCE_INDEX", "INSTANCE_GROUP"]) {
      if (ledger.isGiven(name)) ledger.fault(name, "is set without INSTANCE_COUNT: set how many there are");
    }
    return undefined;
  }
  if (given === undefined) {
    ledger.require("INSTANCE_INDEX", "since INSTANCE_COUNT is set");
    return undefined;
  }
  const index = given === "auto" ? numberAtEnd(hostName) : given;
  if (index === undefined) {
    ledger.fault("INSTANCE_INDEX", "is auto, and the host name does not end in a number: give the number");
    return undefined;
  }
  if (given === "auto") ledger.show("INSTANCE_INDEX", `${index}`, "auto, from the host name");
  const group = INSTANCE_GROUP ?? withoutIndex(instanceId, index);
  if (group === undefined) {
    ledger.fault(
      "INSTANCE_GROUP",
      `is missing, since INSTANCE_ID does not end in -${index}: let it end so, or give all ` +
        "instances the same name here",
    );
    return undefined;
  }
  if (index > 0 && group === instanceId) {
    ledger.fault("INSTANCE_ID", "is the same as INSTANCE_GROUP: each instance needs an id of its own");
  }
  if (INSTANCE_GROUP === undefined) ledger.show("INSTANCE_GROUP", group, "default, from INSTANCE_ID");
  return { index, count, group };
}

/** `4` of `handler-4`; undefined: it does not end in a number. */
function numberAtEnd(hostName: string): number | undefined {
  const digits = /(\d{1,5})$/.exec(hostName.split(".")[0]!)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function withoutIndex(instanceId: string, index: number): string | undefined {
  const end = `-${index}`;
  return instanceId.endsWith(end) && instanceId.length > end.length
    ? instanceId.slice(0, -end.length)
    : undefined;
}
