import { nearMiss } from "./near_miss.ts";
import { GIVEN_NAMES, VARIABLE_NAMES, type VariableName } from "./variables.ts";

/** Names that other programs have nearly, too: `STAGE_DIR`, `LOGLEVEL`, `INSTANCE_IP`, `KAFKA_URL`. */
const COMMON_NAMES: readonly VariableName[] = [
  ...["ROUTES", "MAX_WAIT", "MAX_SERIES", "IDLE_TIMEOUT", "STATE_DIR", "INSTANCE_ID"] as const,
  ...["KAFKA_SSL", "METRICS_INTERVAL", "HTTP_LISTEN", "LOG_LEVEL", "LOG_FORMAT"] as const,
];
const OWN_NAMES = GIVEN_NAMES.filter((name) => !(COMMON_NAMES as readonly string[]).includes(name));

/** With these no other program's variables begin. */
const OWN_PREFIX = /^(VABUS|AGGREGATION)_/;

/** What Kubernetes and Docker set for a service that is called `vabus` or the like. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$|_ENV_/;

/** What this project's own build and tests read. */
const BUILD_NAMES = ["VABUS_BIN", "VABUS_CACHE", "VABUS_COMMIT"];

/**
 * What is wrong with the name of a variable that looks like a setting and is none; undefined for settings and for what may well be
 * another program's.
 */
export function unknownNameProblem(name: string): string | undefined {
  if (GIVEN_NAMES.includes(name) || BUILD_NAMES.includes(name) || SERVICE_LINK.test(name)) return undefined;
  const meant = nearMiss(name.toUpperCase(), OWN_NAMES) ??
    COMMON_NAMES.find((common) => isSlipOf(name, common));
  if (meant !== undefined) return `is no setting; did you mean ${meant}?`;
  const base = name.replace(/_FILE$/, "");
  if ((VARIABLE_NAMES as readonly string[]).includes(base)) {
    return `is no setting: ${base} is not read from a file`;
  }
  return OWN_PREFIX.test(name) ? "is no setting" : undefined;
}

/** Whether one letter too many or too few, or two in the wrong order, make the word of `right`: no other word comes about so. */
function isSlipOf(word: string, right: string): boolean {
  const at = [...right].findIndex((letter, index) => letter !== word[index]);
  if (word.length === right.length) {
    return at >= 0 && word === right.slice(0, at) + right[at + 1] + right[at] + right.slice(at + 2);
  }
  const [longer, shorter] = word.length > right.length ? [word, right] : [right, word];
  if (longer.length !== shorter.length + 1) return false;
  return [...longer].some((letter, index) =>
    letter !== "_" && longer.slice(0, index) + longer.slice(index + 1) === shorter
  );
}
