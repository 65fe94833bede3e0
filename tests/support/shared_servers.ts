/**
 * One PostgreSQL and one Kafka for all tests of a run. Tests use tables and topics of their own, so they do
 * not affect each other. A test that stops, kills or freezes a server starts its own.
 */
import { MissingPrerequisite } from "../../scripts/missing_prerequisite.ts";
import { externalCluster, type KafkaBroker, kafkaIsExternal, startKafka } from "./kafka_broker.ts";
import { freePort } from "./free_port.ts";
import { externalServer, postgresIsExternal, type PostgresServer, startPostgres } from "./postgres_server.ts";

const POSTGRES_VARIABLE = "SHARED_POSTGRES_URL";
const KAFKA_VARIABLE = "SHARED_KAFKA_BROKERS";
const SASL_VARIABLE = "SHARED_KAFKA_SASL_BROKERS";
/** `proxyPort,proxiedPort` of the broker. */
const WIRE_VARIABLE = "SHARED_KAFKA_WIRE";

/** The server of the run; without one, a new one that `remove` ends. */
export function sharedPostgres(): Promise<PostgresServer> {
  const url = Deno.env.get(POSTGRES_VARIABLE);
  return url === undefined ? startPostgres() : Promise.resolve(externalServer(url));
}

/** The broker of the run, with room for one proxy; without one, a fresh one that goes with `remove`. */
export function sharedKafka(): Promise<KafkaBroker> {
  const brokers = Deno.env.get(KAFKA_VARIABLE);
  if (brokers === undefined) return startKafka({ proxyPort: freePort() });
  const [proxyPort, proxiedPort] = Deno.env.get(WIRE_VARIABLE)!.split(",").map(Number) as [number, number];
  const saslBrokers = Deno.env.get(SASL_VARIABLE)!.split(",");
  return Promise.resolve({ ...externalCluster(brokers.split(",")), saslBrokers, proxyPort, proxiedPort });
}

/** The servers of a run, in the process that starts the tests. */
export class SharedServers implements AsyncDisposable {
  private constructor(
    /**
     * The variables by which {@link sharedPostgres} and {@link sharedKafka} find them in the processes of the
     * tests.
     */
    readonly environment: Readonly<Record<string, string>>,
    private readonly owned: AsyncDisposableStack,
  ) {}

  /** A server that cannot be started is left out. Its tests will report why. */
  static async start(): Promise<SharedServers> {
    await using stack = new AsyncDisposableStack();
    const environment: Record<string, string> = {};
    const started = await Promise.allSettled([
      postgresIsExternal ? undefined : startPostgres().then((postgres) => {
        stack.defer(() => postgres.remove());
        environment[POSTGRES_VARIABLE] = postgres.url;
      }),
      kafkaIsExternal ? undefined : startKafka({ proxyPort: freePort() }).then((kafka) => {
        stack.defer(() => kafka.remove());
        environment[KAFKA_VARIABLE] = kafka.brokers.join(",");
        environment[SASL_VARIABLE] = kafka.saslBrokers.join(",");
        environment[WIRE_VARIABLE] = `${kafka.proxyPort},${kafka.proxiedPort}`;
      }),
    ]);
    for (const outcome of started) {
      if (outcome.status === "rejected" && !(outcome.reason instanceof MissingPrerequisite)) {
        throw outcome.reason;
      }
    }
    return new SharedServers(environment, stack.move());
  }

  static none(): SharedServers {
    return new SharedServers({}, new AsyncDisposableStack());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned[Symbol.asyncDispose]();
  }
}
