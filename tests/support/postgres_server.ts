import { join } from "node:path";
import postgres from "postgres";
import { MissingPrerequisite } from "../../scripts/missing_prerequisite.ts";
import { postgresBinDir } from "../../scripts/servers.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

const PASSWORD = "a-secret-of-the-tests";
/** The path of a Unix socket may have 107 bytes, and `/.s.PGSQL.65535.lock` is added to its directory. */
const SOCKET_DIRECTORY_MAX_BYTES = 107 - 20;
const LEFTOVER_MAX_MS = 60_000;
const externalUrl = Deno.env.get("TEST_POSTGRES_URL");

/** True when `TEST_POSTGRES_URL` names the server: tests that stop or freeze it cannot run then. */
export const postgresIsExternal = externalUrl !== undefined;

/** The directory and port of a server that is started again later: its data stay when it ends. */
export interface ServerHome {
  /** For this server alone; created where it is missing. */
  readonly directory: string;
  readonly port: number;
}

export interface PostgresServer {
  /** The URL with the password of a superuser; connections over TCP must log in. */
  readonly url: string;
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Kills it with all its processes. Data that they have not yet passed to the kernel are lost. */
  crash(): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Stops the server and deletes its data, unless it has a home. */
  remove(): Promise<void>;
}

/**
 * A fresh PostgreSQL in a temporary directory, on 127.0.0.1 and a free port, or the one of `home`; or the one
 * `TEST_POSTGRES_URL` names.
 *
 * @param settings Of the server, `name=value` each.
 */
export async function startPostgres(
  settings: readonly string[] = [],
  home?: ServerHome,
): Promise<PostgresServer> {
  if (externalUrl !== undefined) return externalServer(externalUrl);
  const binDir = await postgresBinDir();
  const account = await unprivilegedAccount();
  const directory = home === undefined
    ? await makeDirectory(account)
    : await keptDirectory(home.directory, account);
  if (!await hasDatabase(directory)) await initDatabase(binDir, directory, account);

  const port = home?.port ?? freePort();
  const url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`;
  const process = new ServerProcess({
    command: asAccount(account, [
      join(binDir, "postgres"),
      ...["-D", join(directory, "data"), "-p", `${port}`, "-h", "127.0.0.1"],
      ...(home === undefined ? ["-k", directory] : ["-k", ""]),
      // Only a crash of the machine needs fsync. The tests crash only the server.
      ...[`fsync=${home === undefined ? "off" : "on"}`, "shared_buffers=32MB", ...settings]
        .flatMap((setting) => ["-c", setting]),
    ]),
    logFile: join(directory, "log"),
    stopSignal: "SIGINT",
    isReady: () => answers(url),
  });
  await startAgain(process);
  return {
    url,
    stop: () => process.stop(),
    kill: () => process.kill(),
    crash: () => process.crash(),
    start: () => startAgain(process),
    pause: () => process.pause(),
    resume: () => process.resume(),
    async remove() {
      await process.stop();
      if (home === undefined) await Deno.remove(directory, { recursive: true });
    },
  };
}

/**
 * A directory that the account can get to, with room for a socket in a path: below the temporary directory,
 * else below /tmp.
 */
async function makeDirectory(account: Account | undefined): Promise<string> {
  for (const parent of [{}, { dir: "/tmp" }]) {
    const directory = await Deno.makeTempDir({ ...parent, prefix: "vabus-postgres-" });
    const isReachable = await handOver(directory, account);
    if (isReachable && new TextEncoder().encode(directory).length <= SOCKET_DIRECTORY_MAX_BYTES) {
      return directory;
    }
    await Deno.remove(directory);
  }
  throw new Error("The account of PostgreSQL can write neither to the temporary directory nor to /tmp.");
}

async function keptDirectory(directory: string, account: Account | undefined): Promise<string> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  if (await handOver(directory, account)) return directory;
  throw new MissingPrerequisite(
    `PostgreSQL, which does not run as root, cannot get to ${directory}: name a place that other ` +
      "users can reach.",
  );
}

/**
 * Makes the account the owner of a directory. Returns whether it can write there, which a parent directory
 * may prevent.
 */
async function handOver(directory: string, account: Account | undefined): Promise<boolean> {
  if (account !== undefined) await Deno.chown(directory, account.uid, account.gid);
  const [program, ...args] = asAccount(account, ["test", "-w", directory]) as [string, ...string[]];
  return (await new Deno.Command(program, { args }).output()).success;
}

async function hasDatabase(directory: string): Promise<boolean> {
  try {
    // Written after initdb has ended: an interrupted initdb leaves an incomplete database.
    await Deno.stat(join(directory, "made"));
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.remove(join(directory, "data"), { recursive: true }).catch(() => {});
    return false;
  }
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The user for PostgreSQL where the tests run as root, since it refuses to run as root. */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (Deno.uid() !== 0) return undefined;
  const accounts = (await Deno.readTextFile("/etc/passwd")).split("\n").map((line) => line.split(":"));
  const account = accounts.find(([name]) => name === "postgres") ??
    accounts.find(([name]) => name === "nobody");
  if (account === undefined) {
    throw new Error("There is neither a user postgres nor nobody to run PostgreSQL as.");
  }
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

function asAccount(account: Account | undefined, command: string[]): string[] {
  if (account === undefined) return command;
  return ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups", ...command];
}

async function initDatabase(binDir: string, directory: string, account: Account | undefined): Promise<void> {
  const passwordFile = join(directory, "password");
  await Deno.writeTextFile(passwordFile, PASSWORD);
  const [program, ...args] = asAccount(account, [
    join(binDir, "initdb"),
    ...["-D", join(directory, "data"), "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"],
    ...["--auth-local=trust", "--auth-host=scram-sha-256", `--pwfile=${passwordFile}`],
  ]) as [string, ...string[]];
  const { success, stderr } = await new Deno.Command(program, { args, cwd: directory }).output();
  if (!success) throw new Error(`initdb failed:\n${new TextDecoder().decode(stderr)}`);
  await Deno.writeTextFile(join(directory, "made"), "");
}

async function answers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** A server that runs already, to be left as it is. */
export function externalServer(url: string): PostgresServer {
  const refuse = () => Promise.reject(new Error("This server is not this test's to stop."));
  return {
    url,
    stop: refuse,
    kill: refuse,
    crash: refuse,
    start: refuse,
    pause: refuse,
    resume: refuse,
    remove: () => Promise.resolve(),
  };
}

/** The children of a killed server end a moment later. Until then no server can start on its data. */
async function startAgain(process: ServerProcess): Promise<void> {
  const deadline = Date.now() + LEFTOVER_MAX_MS;
  for (;;) {
    try {
      return await process.start();
    } catch (error) {
      if (!/pre-existing shared memory block/.test(`${error}`) || Date.now() > deadline) throw error;
    }
  }
}
