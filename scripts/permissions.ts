/** Directories of programs, their settings and services. The program never writes there. */
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

/**
 * Credentials of the system and of the cluster. Secrets that Docker and Kubernetes mount for the program are
 * not among them.
 */
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

/** Credentials below a home directory. The launcher adds the directory. */
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

/** Addresses where a cloud machine gets the credentials of its role. */
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
 * The permissions of the built program, as flags of Deno. Everything else is denied without a question:
 * starting processes, native libraries, remote code, anything about the machine but its name, the user of the
 * process and how full its disks are.
 *
 * Network and files are allowed, except what is never right. Kafka's brokers name each other at run time, and
 * files are named in four places, one of which (`.env`) the program itself reads, after which Deno allows no
 * restriction. Which other files can be reached is decided by the operating system: see `deploy/systemd`.
 */
export const PERMISSION_FLAGS: readonly string[] = [
  "--allow-net",
  `--deny-net=${METADATA_ADDRESSES.join(",")}`,
  "--allow-read",
  `--deny-read=${SYSTEM_SECRETS.join(",")}`,
  "--allow-write",
  `--deny-write=${[...SYSTEM_DIRECTORIES, "/root/.ssh"].join(",")}`,
  // All variables: sinks may have ids, which are prefixes of their settings, so no list could contain them.
  "--allow-env",
  "--allow-sys=hostname,uid,gid,userInfo,statfs",
  "--no-prompt",
  // Deno.listenDatagram, for the service manager's socket.
  "--unstable-net",
];
