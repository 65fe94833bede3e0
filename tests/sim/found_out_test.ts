import { BROKEN_VARIANTS } from "./broken_variants.ts";
import { testFoundOut } from "./found_out.ts";

testFoundOut(BROKEN_VARIANTS);
