/** Further seeds than those of `sim_test.ts`, in a process of their own that runs at the same time. */
import { range, testSeeds } from "./seeds.ts";

testSeeds("seeds 41 to 80", range(41, 80));
