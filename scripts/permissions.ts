import { GIVEN_NAMES } from "../src/settings/variables.ts";
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

/** Where programs, their settings and what is started are: nothing of ours is written there. */
const SYSTEM_DIRECTORIES = [
  ...["/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys"],
  ...[
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/sbin",
    "/usr/share",
  ],
  ...["/usr/local/bin", "/usr/local/etc", "/usr/local/lib", "/usr/local/sbin", "/var/spool/cron"],
];

/** What logs in elsewhere: the system's, and that of the cluster. Docker's and Kubernetes's own secrets for us are not among it. */
const SYSTEM_SECRETS = [
  ...[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
  ],
  ...["/etc/security/opasswd", "/etc/krb5.keytab", "/proc/kcore", "/root/.ssh"],
  ...["/run/secrets/kubernetes.io", "/var/run/secrets/kubernetes.io"],
];

/** Below a home directory: whose owner logs in elsewhere by what is in it. The launcher puts the directory before them. */
export const HOME_SECRETS = [
  ".ssh",
  ".aws",
  ".azure",
  ".config/gcloud",
  ".gnupg",
  ".kube",
  ".docker",
  ".netrc",
  ".pgpass",
];

/** Where a machine in a cloud is told the credentials of its role. */
export const METADATA_ADDRESSES = [
  ...[
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "[fd00:ec2::254]",
    "[fd00:ec2::23]",
  ],
  ...["metadata.google.internal", "metadata", "instance-data"],
];

/**
 * What the built program may do, as flags of Deno; all else is denied without a question: starting processes, native
 * libraries, code from elsewhere, other variables of the environment, anything about the machine but its name
 * and whose process this is.
 *
 * Network and files are narrowed by what is never right. Kafka's brokers name each other at run time, and files are named in
 * four places, one of which (`.env`) is read by the program itself, after which Deno lets nobody narrow anything. Which other
 * files are within reach is the operating system's part: see `deploy/systemd`.
 */
export const PERMISSION_FLAGS: readonly string[] = [
  "--allow-net",
  `--deny-net=${METADATA_ADDRESSES.join(",")}`,
  "--allow-read",
  `--deny-read=${SYSTEM_SECRETS.join(",")}`,
  "--allow-write",
  `--deny-write=${[...SYSTEM_DIRECTORIES, "/root/.ssh"].join(",")}`,
  `--allow-env=${[...OWN_NAMES, ...MACHINE_NAMES, ...PACKAGE_NAMES].join(",")}`,
  "--allow-sys=hostname,uid,gid,userInfo",
  "--no-prompt",
  // Deno.listenDatagram, for the service manager's socket.
  "--unstable-net",
];
