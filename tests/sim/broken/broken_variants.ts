import { BROKEN_AGGREGATION } from "./aggregation.ts";
import { BROKEN_CHECKPOINT } from "./checkpoint.ts";
import { BROKEN_CLOCK } from "./clock.ts";
import { BROKEN_DEAD_LETTER } from "./dead_letter.ts";
import { BROKEN_DELIVERY } from "./delivery.ts";
import { BROKEN_MAPPING } from "./mapping.ts";
import { BROKEN_READING } from "./reading.ts";
import { BROKEN_REGISTRY } from "./registry.ts";
import type { BrokenVariant } from "./broken_variant.ts";

/** All mistakes that the simulation must find out. */
export const BROKEN_VARIANTS: readonly BrokenVariant[] = [
  ...BROKEN_MAPPING,
  ...BROKEN_READING,
  ...BROKEN_AGGREGATION,
  ...BROKEN_CLOCK,
  ...BROKEN_CHECKPOINT,
  ...BROKEN_DELIVERY,
  ...BROKEN_REGISTRY,
  ...BROKEN_DEAD_LETTER,
];
