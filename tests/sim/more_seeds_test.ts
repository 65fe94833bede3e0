/** What `sim_test.ts` plays goes on here, in a process of its own that runs beside it. */
import { range, testSeeds } from "./seeds.ts";

testSeeds("seeds 101 to 200", range(101, 200));
