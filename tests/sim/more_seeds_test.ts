/** Further seeds than those of `sim_test.ts`, in a process of their own that runs at the same time. */
import { range, testSeeds } from "./seeds.ts";

testSeeds("seeds 61 to 120", range(61, 120));
