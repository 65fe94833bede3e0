import * as z from "zod";
import { integer, pattern, type ValueType } from "./value_type.ts";
import { optional } from "./variable.ts";

const INSTANCES_MAX = 10_000;

/** The name of an instance, or of several. */
export const instanceName = pattern(
  "<name>",
  "1 to 200 printable characters, no space at either end",
  /^(?! )[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,200}(?<! )$/u,
);

/** The settings of instances that share buses. */
export const INSTANCES = {
  INSTANCE_COUNT: optional(integer(1, INSTANCES_MAX), {
    commonName: true,
    group: "State and delivery",
    help: "how many instances share the partitions of the buses; partition, URL or key p is that of the " +
      "instance p mod count; other numbers hand partitions of Kafka over",
    example: "4",
    atStart: true,
    defaultText: "one that reads everything",
  }),
  INSTANCE_INDEX: optional(instanceIndex(), {
    commonName: true,
    group: "State and delivery",
    help: "which of these instances this one is, from 0",
    example: "auto",
    atStart: true,
  }),
  INSTANCE_GROUP: optional(instanceName, {
    commonName: true,
    group: "State and delivery",
    help:
      "the name that these instances have in common; names the group in which Kafka keeps who has which " +
      "partition",
    example: "plant7",
    atStart: true,
    defaultText: "INSTANCE_ID without the number at its end",
  }),
};

/** The number of an instance, or `auto`: the number at the end of the host name. */
function instanceIndex(): ValueType<number | "auto"> {
  return {
    placeholder: "<number|auto>",
    allowed: "a whole number from 0 to 99999; or auto, the number at the end of the host name",
    schema: z.string().regex(/^(?:\d{1,5}|auto)$/i, "is neither a number nor auto").transform((text) =>
      text.toLowerCase() === "auto" ? "auto" : Number(text)
    ),
  };
}
