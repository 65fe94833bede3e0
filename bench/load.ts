/**
 * Load on `listen://` and on the reference bus, by Locust or JMeter, in steps of more and more users with
 * think time. Prints the figures of each step and where they bend, and leaves a page with plots.
 *
 *   make load [ARGS="--tool locust|jmeter --target listen|bus --users 25,50 --step-seconds 20 --events 100"]
 *
 * JMeter knows one step, of the last number of users, against `listen`. At the end the books are compared
 * with what was answered: the same number of events, or it fails.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flagsOf } from "../scripts/flags.ts";
import { javaBinary } from "../scripts/servers.ts";
import { MissingPrerequisite } from "../scripts/missing_prerequisite.ts";
import { jmeterJar, locustProgram } from "../scripts/load_tools.ts";
import { Listener } from "../tests/e2e/listener.ts";
import { BusProgram } from "../tests/e2e/plant.ts";
import { runToEnd, temporaryDirectory } from "../tests/support/executable.ts";
import { type LoadFigures, loadReport } from "./load_report.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FILES = join(ROOT, "deploy", "load");
const REPORTS = join(ROOT, "dist", "load");
/** How many events each request of the plan has. */
const JMETER_EVENTS = 20;
const LOCUST_STOP_SECONDS = 60;

const values = flagsOf({
  tool: { type: "string", default: "locust" },
  target: { type: "string", default: "listen,bus" },
  users: { type: "string", default: "25,50,100,200,400" },
  "step-seconds": { type: "string", default: "20" },
  events: { type: "string", default: "100" },
});

/** What is under load. */
interface Target {
  readonly kind: string;
  readonly url: string;
  readonly pid: number;
  /** Events that it has taken, by its own books. */
  taken(): Promise<number>;
}

try {
  await Deno.mkdir(REPORTS, { recursive: true });
  if (values.tool === "jmeter") await withListener(byJMeter);
  else if (values.tool === "locust") {
    for (const kind of values.target.split(",")) {
      if (kind === "listen") await withListener(byLocust);
      else if (kind === "bus") await withBus(byLocust);
      else throw new MissingPrerequisite(`--target ${kind}: there is listen, and bus`);
    }
  } else throw new MissingPrerequisite(`--tool ${values.tool}: there is locust, and jmeter`);
} catch (error) {
  if (!(error instanceof MissingPrerequisite)) throw error;
  console.error(error.message);
  Deno.exit(2);
}

async function withListener(use: (target: Target) => Promise<number>): Promise<void> {
  await using directory = await temporaryDirectory();
  await using listener = await Listener.start(directory.path, { AGGREGATION_INTERVAL: "10" });
  const answered = await use({
    kind: "listen",
    url: listener.url,
    pid: listener.program.pid,
    async taken() {
      await listener.program.stop();
      const once = await runToEnd(["once", "--flush"], listener.environment);
      if (once.code !== 0) throw new Error(once.stderr);
      const verify = await runToEnd(["verify"], listener.environment);
      console.log(verify.stdout.trimEnd());
      if (verify.code !== 0) throw new Error("the books do not balance");
      const status = await runToEnd(["status", "--json"], listener.environment);
      return JSON.parse(status.stdout).accounting.received;
    },
  });
  console.log(`${answered} events were answered as taken, and the books have as many.`);
}

async function withBus(use: (target: Target) => Promise<number>): Promise<void> {
  await using directory = await temporaryDirectory();
  await using bus = await BusProgram.start(join(directory.path, "bus"));
  const answered = await use({
    kind: "bus",
    url: bus.url,
    pid: bus.program.pid,
    taken: async () => (await (await fetch(`${bus.url}/healthz`)).json()).next,
  });
  console.log(`${answered} events were answered as taken, and the event log has had as many.`);
}

/** @returns the events that were answered as taken. @throws where the target's books have another number. */
async function byLocust(target: Target): Promise<number> {
  const locust = await locustProgram();
  const figuresPath = await Deno.makeTempFile();
  const page = join(REPORTS, `${target.kind}.html`);
  try {
    await run(locust, [
      ...["-f", join(FILES, "locustfile.py"), "--headless", "--only-summary", "--host", target.url],
      // Requests are answered before users end, so that what was taken is known.
      ...["--html", page, "--stop-timeout", `${LOCUST_STOP_SECONDS}`, "--exit-code-on-error", "0"],
    ], {
      LOAD_TARGET: target.kind,
      LOAD_USERS: values.users,
      LOAD_STEP_SECONDS: values["step-seconds"],
      LOAD_EVENTS: values.events,
      LOAD_PID: `${target.pid}`,
      LOAD_FIGURES: figuresPath,
    });
    const figures: LoadFigures = JSON.parse(await Deno.readTextFile(figuresPath));
    console.log(`\n${target.kind}: ${values.events} events a request\n\n${loadReport(figures)}\n`);
    console.log(`Load average of the last minute: ${Deno.loadavg()[0]!.toFixed(1)}. Plots: ${page}`);
    return await agreed(figures.taken, target);
  } finally {
    await Deno.remove(figuresPath);
  }
}

/** The same of JMeter, with one number of users. */
async function byJMeter(target: Target): Promise<number> {
  const [java, jar] = [await javaBinary(), await jmeterJar()];
  const report = join(REPORTS, "jmeter");
  await Deno.remove(report, { recursive: true }).catch(() => {});
  const seconds = Number(values["step-seconds"]);
  await using directory = await temporaryDirectory();
  await run(java, [
    `-Djava.util.prefs.userRoot=${directory.path}`,
    ...["-jar", jar, "-n", "-t", join(FILES, "plan.jmx"), "-e", "-o", report],
    ...["-l", join(directory.path, "results.jtl"), "-j", join(directory.path, "log")],
    // It would listen at a port for orders.
    "-Jjmeterengine.nongui.port=0",
    ...[`-Jport=${new URL(target.url).port}`, `-Jusers=${values.users.split(",").at(-1)}`],
    ...[`-Jramp=${seconds / 4}`, `-Jseconds=${seconds}`],
  ], {});
  const { Total: total } = JSON.parse(await Deno.readTextFile(join(report, "statistics.json")));
  console.log(
    `\n${total.sampleCount} requests of ${JMETER_EVENTS} events, ${total.errorCount} failed; ` +
      `${Math.round(total.throughput)} requests/s, p50 ${total.medianResTime} ms, p99 ${
        Math.round(total.pct3ResTime)
      } ms`,
  );
  console.log(`Plots: ${join(report, "index.html")}`);
  return await agreed((total.sampleCount - total.errorCount) * JMETER_EVENTS, target);
}

async function agreed(answered: number, target: Target): Promise<number> {
  const taken = await target.taken();
  if (taken === answered && taken > 0) return answered;
  throw new Error(`${answered} events were answered as taken, and ${target.kind} has ${taken}`);
}

/** @throws with what the program says, where it fails. */
async function run(program: string, args: readonly string[], env: Record<string, string>): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], env, stdin: "null" })
    .output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(`${program} failed:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`);
}
