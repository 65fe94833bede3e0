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
 * libraries, code from elsewhere, anything about the machine but its name and whose process this is.
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
  // Sinks may have ids of their own, which stand before the names of their settings: no list could hold them.
  "--allow-env",
  "--allow-sys=hostname,uid,gid,userInfo",
  "--no-prompt",
  // Deno.listenDatagram, for the service manager's socket.
  "--unstable-net",
];
