import { GIVEN_NAMES } from "../src/config/variables.ts";
import { MACHINE_NAMES } from "../src/cli/environment.ts";

/** What the packages in the bundle look for in the environment; without the right to look they would throw. */
const PACKAGE_NAMES = [
  "KAFKAJS_*",
  "PG*",
  ...["LOGNAME", "USER", "USERNAME"],
  ...["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"],
];

/** Families of our own, which keep the list short enough to be read in a process list. */
const FAMILIES = ["VABUS_", "KAFKA_", "POSTGRES_"];

const OWN_NAMES = [
  ...GIVEN_NAMES.filter((name) => !FAMILIES.some((family) => name.startsWith(family))),
  ...FAMILIES.map((family) => `${family}*`),
];

/**
 * What the built program may do, as flags of Deno; all else is denied without a question: starting processes, native
 * libraries, code from elsewhere, other variables of the environment, anything about the machine but its name
 * and whose process this is.
 *
 * Network and files are not narrowed here. Kafka's brokers name each other at run time, and files are named in four places,
 * one of which (`.env`) is read by the program itself, after which Deno lets nobody narrow anything. Which files are within
 * reach is the operating system's part: see `deploy/systemd`.
 */
export const PERMISSION_FLAGS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  `--allow-env=${[...OWN_NAMES, ...MACHINE_NAMES, ...PACKAGE_NAMES].join(",")}`,
  "--allow-sys=hostname,uid,gid,userInfo",
  "--no-prompt",
  // Deno.listenDatagram, for the service manager's socket.
  "--unstable-net",
];
