import { BROKEN_VARIANTS } from "./broken/broken_variants.ts";
import { testFoundOut } from "./found_out.ts";

testFoundOut(BROKEN_VARIANTS);
