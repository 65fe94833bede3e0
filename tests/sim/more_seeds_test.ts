/** What `sim_test.ts` plays goes on here, in a process of its own that runs beside it. */
import { range, testSeeds } from "./seeds.ts";

testSeeds("seeds 61 to 120", range(61, 120));
