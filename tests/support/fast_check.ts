/** fast-check with one seed for all properties, so that each run uses the same inputs. */
import fc from "fast-check";
import { testSeed } from "./seed.ts";

fc.configureGlobal({ seed: testSeed(20_251_126) });

export default fc;
