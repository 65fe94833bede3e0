/** fast-check, with one seed for all properties: what they are tried with is the same in each run. */
import fc from "fast-check";
import { testSeed } from "./seed.ts";

fc.configureGlobal({ seed: testSeed(20_251_126) });

export default fc;
