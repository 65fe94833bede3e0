import type { Catalogue } from "./catalogue.ts";
import { nearMiss } from "./near_miss.ts";

/** Beginnings that no other program's variables have. */
const OWN_PREFIX = /^(VABUS|AGGREGATION)_/;

/** Variables that Kubernetes and Docker set for a service with a name such as `vabus`. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$|_ENV_/;

/** Variables of this project's own build, launcher, demo and tests. */
const BUILD_NAMES = [
  "VABUS_BIN",
  "VABUS_CACHE",
  "VABUS_COMMIT",
  "VABUS_ENDS_WITH_STDIN",
  "VABUS_LAUNCHER_PATH",
];

/**
 * What is wrong with the name of a variable that looks like a setting and is not; undefined for settings, and
 * for variables that may belong to other programs.
 */
export function unknownNameProblem(name: string, catalogue: Catalogue): string | undefined {
  if (catalogue.givenNames.includes(name) || BUILD_NAMES.includes(name) || SERVICE_LINK.test(name)) {
    return undefined;
  }
  // Other programs have similar names, too: `STAGE_DIR`, `LOGLEVEL`, `INSTANCE_IP`, `KAFKA_URL`.
  const meant = nearMiss(name.toUpperCase(), catalogue.ownNames) ??
    catalogue.commonNames.find((right) => isSlipOf(name, right));
  if (meant !== undefined) return `is no setting; did you mean ${meant}?`;
  const base = name.replace(/_FILE$/, "");
  if (catalogue.has(base)) {
    return `is no setting: ${base} is not read from a file`;
  }
  return OWN_PREFIX.test(name) ? "is no setting" : undefined;
}

/**
 * Whether the word differs from `right` by one extra or missing character, or by two swapped ones. Names of
 * other programs do not come so close.
 */
function isSlipOf(word: string, right: string): boolean {
  if (Math.abs(word.length - right.length) > 1) return false;
  const at = [...right].findIndex((character, index) => character !== word[index]);
  if (word.length === right.length) {
    return at >= 0 && word === right.slice(0, at) + right[at + 1] + right[at] + right.slice(at + 2);
  }
  const [longer, shorter] = word.length > right.length ? [word, right] : [right, word];
  return [...longer].some((character, index) =>
    character !== "_" && longer.slice(0, index) + longer.slice(index + 1) === shorter
  );
}
