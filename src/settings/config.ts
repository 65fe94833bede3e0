import { isAbsolute, join, resolve } from "node:path";
import { contradictions, doubtfulPairs } from "./contradictions.ts";
import { exposedCredentials } from "./exposed_credentials.ts";
import { exposedSecrets } from "./exposed_secrets.ts";
import { ConfigError, type Fault } from "./fault.ts";
import { readSettings, readText, type Setting, type Settings, type Sources } from "./settings.ts";
import { type Proxy, proxyFor } from "./proxy.ts";
import { secretsOf } from "./redaction.ts";
import type { PostgresParameters, SslMode } from "./postgres_parameters.ts";
import type { HostPort } from "./value_type.ts";
import {
  fileVariable,
  type Group,
  SINK_NAMES,
  type SinkName,
  type Values,
  variable,
  VARIABLE_NAMES,
  type VariableName,
} from "./variables.ts";

/** The whole configuration: valid, complete and immutable. Only `settings` may be shown. */
export interface Config {
  /** The sinks of `STORAGE_TYPE`, in its order. */
  readonly sinks: readonly SinkConfig[];
  /** The text of `ROUTES`; undefined: all to all. */
  readonly routes: string | undefined;
  readonly aggregationIntervalMs: number;
  readonly allowedLatenessMs: number;
  /** 0: closed windows are never corrected. */
  readonly correctionHorizonMs: number;
  readonly idleTimeoutMs: number;
  readonly maxWaitMs: number;
  /** 0: events are not checked for being duplicates. */
  readonly dedupMaxIds: number;
  readonly maxFutureSkewMs: number;
  readonly maxSeries: number;
  readonly vabus: VaBusConfig;
  /** Absolute. */
  readonly stateDir: string;
  readonly instanceId: string;
  readonly checkpointIntervalMs: number;
  readonly outboxMaxRows: number;
  /** 0: metrics are never sent to the bus. */
  readonly metricsIntervalMs: number;
  /** Undefined: no admin listener. Port 0: any free one. */
  readonly httpListen: HostPort | undefined;
  /** Names, beside those of loopback, that clients may call the admin listener by; in lower case. */
  readonly httpAllowedHosts: readonly string[];
  readonly log: LogConfig;
  /** Sinks of `STORAGE_TYPE` that are left out here, since something about them is not there that the command can do without. */
  readonly lacking: readonly { readonly sink: SinkName; readonly problem: string }[];
  /** Every variable as it is in force and where it comes from, secrets masked. */
  readonly settings: readonly Setting[];
  /** Every secret text, to be taken out of whatever might hold one unawares. */
  readonly secrets: readonly string[];
  /**
   * What each variable was read from, with secrets and the contents of the files that settings name: to see what has changed, and
   * never to be shown.
   */
  readonly texts: ReadonlyMap<VariableName, string | undefined>;
  /** Variables that the file of settings gives other values, which flags or the environment beat. */
  readonly shadowed: readonly VariableName[];
  /** What is allowed but looks like a mistake; to be logged at start. */
  readonly warnings: readonly string[];
}

export type SinkConfig =
  | KafkaConfig
  | PostgresConfig
  /** `path` is absolute; `mode` undefined: 0600 for a new file, and as it is for another. */
  | { readonly name: "sqlite"; readonly path: string; readonly mode?: number }
  | { readonly name: "stdout" };

export interface KafkaConfig {
  readonly name: "kafka";
  /** `host:port` each. */
  readonly bootstrapServers: readonly string[];
  readonly topic: string;
  readonly sasl: SaslConfig | undefined;
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  readonly delivery: "exactly-once" | "at-least-once";
}

export interface SaslConfig {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

export interface PostgresConfig {
  readonly name: "postgres";
  readonly connection: PostgresConnection;
  /** Every secret text in the connection string. */
  readonly secrets: readonly string[];
  /** `table` or `schema.table`. */
  readonly table: string;
  readonly createTable: boolean;
}

/** How to connect, with the certificates that the connection string names. */
export type PostgresConnection =
  & Omit<
    PostgresParameters,
    "sslMode" | "isSslModeGiven" | "isDirectTls" | "sslRootCert" | "sslCert" | "sslKey"
  >
  & {
    /** `ca`: `system`, or the PEM text. */
    readonly tls: TlsConfig & {
      readonly mode: SslMode;
      readonly isDirect: boolean;
      /** Whether its certificate proves that it is the right server. */
      readonly provesServer: boolean;
    };
  };

export interface VaBusConfig {
  /** Without trailing slash; may hold credentials. */
  readonly urls: readonly string[];
  /** By the URL of the bus; where there is none, it is reached directly. */
  readonly proxies: Readonly<Record<string, Proxy>>;
  readonly mode: "log" | "queue";
  readonly token: string | undefined;
  /** Undefined: the system's authorities and no client certificate. */
  readonly tls: TlsConfig | undefined;
  /** Events a fetch. */
  readonly batchSize: number;
}

/** PEM texts; undefined `ca`: the system's authorities. `cert` and `key` come together. */
export interface TlsConfig {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface LogConfig {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "text" | "json";
}

/** Says what is wrong with the text of `ROUTES`, given the sinks there are. Each is a sentence of its own. */
export type ValidateRoutes = (routes: string, sinks: readonly SinkName[]) => readonly string[];

/**
 * Reads and checks the whole configuration.
 *
 * @throws {ConfigError} that names every fault.
 */
export function loadConfig(sources: Sources, validateRoutes: ValidateRoutes): Config {
  const settings = readSettings(sources);
  const builder = new ConfigBuilder(settings, sources);
  const config = builder.build(validateRoutes);
  const faults = builder.faults.filter((fault) => !isUnneeded(fault, sources));
  if (faults.length > 0) throw new ConfigError(faults);
  const lacking = builder.faults.flatMap(({ subject, problem }) => {
    const sink = SINK_OF_GROUP[groupOf(subject)!];
    return sink === undefined ? [] : [{ sink, problem: `${subject} ${problem}` }];
  });
  const sinks = config.sinks.filter(({ name }) => !lacking.some(({ sink }) => sink === name));
  const warnings = [...config.warnings, ...exposedCredentials(config.vabus, sinks)];
  return deepFreeze({ ...config, warnings, sinks, lacking, secrets: secretsOf(config.vabus, sinks) });
}

const SINK_OF_GROUP: Partial<Record<Group, SinkName>> = { Kafka: "kafka", PostgreSQL: "postgres" };

/** Whether something is only not there, and the command can do without it. */
function isUnneeded({ subject, isAbsence }: Fault, { unneeded }: Sources): boolean {
  const group = groupOf(subject);
  return isAbsence === true && group !== undefined && unneeded?.includes(group) === true;
}

/** Of a variable, or of the one that names its file. */
function groupOf(subject: string): Group | undefined {
  const name = VARIABLE_NAMES.find((name) => name === subject || fileVariable(name) === subject);
  return name && variable(name).group;
}

/** What the reference bus and `health`, which asks a bus too, share with the handler: so that one environment serves all. */
export interface BusConfig {
  /** Undefined: everybody may read and write. */
  readonly token: string | undefined;
  /** In lower case. */
  readonly allowedHosts: readonly string[];
  /** Undefined: off. */
  readonly httpListen: HostPort | undefined;
  readonly log: LogConfig;
  readonly secrets: readonly string[];
  readonly warnings: readonly string[];
}

/** @throws {ConfigError} that names every fault of any variable, but asks for none that only the handler needs. */
export function loadBusConfig(sources: Sources): BusConfig {
  const { values, masked, faults: found } = readSettings(sources);
  const faults = found.filter((fault) => !isUnneeded(fault, sources));
  if (faults.length > 0) throw new ConfigError(faults);
  const token = values.VABUS_TOKEN;
  const secrets = token === undefined ? [] : [token];
  const allowedHosts = values.HTTP_ALLOWED_HOSTS ?? [];
  const warnings = exposedSecrets([masked.get("VABUS_TOKEN")!], sources);
  return deepFreeze({
    token,
    allowedHosts,
    httpListen: listenOf(values),
    log: logConfig(values, sources),
    secrets,
    warnings,
  });
}

function listenOf({ HTTP_LISTEN }: Values): HostPort | undefined {
  return HTTP_LISTEN === "off" ? undefined : HTTP_LISTEN;
}

function logConfig(values: Values, sources: Sources): LogConfig {
  return { level: values.LOG_LEVEL, format: values.LOG_FORMAT ?? (sources.isTerminal ? "text" : "json") };
}

/** Checks the variables against each other. What it builds is whole only when there are no faults. */
class ConfigBuilder {
  readonly faults: Fault[];
  private readonly values: Values;
  private readonly shown: Map<VariableName, Setting>;
  private readonly warnings: string[];
  private readonly texts: Map<VariableName, string | undefined>;

  constructor(private readonly settings: Settings, private readonly sources: Sources) {
    this.faults = [...settings.faults];
    this.warnings = exposedSecrets([...settings.masked.values()], sources);
    this.values = settings.values;
    this.shown = new Map(settings.masked);
    this.texts = new Map(settings.texts);
  }

  build(validateRoutes: ValidateRoutes): Omit<Config, "secrets" | "lacking"> {
    const { values } = this;
    const stateDir = this.stateDir();
    const names = this.sinkNames();
    const sinks = names.map((name) => this.sink(name, stateDir));
    this.checkRoutes(validateRoutes, names);
    this.checkAgainstEachOther(stateDir, sinks);
    const log = logConfig(values, this.sources);
    this.show("LOG_FORMAT", log.format);
    return {
      sinks,
      routes: values.ROUTES,
      aggregationIntervalMs: values.AGGREGATION_INTERVAL,
      allowedLatenessMs: values.ALLOWED_LATENESS,
      correctionHorizonMs: values.CORRECTION_HORIZON,
      idleTimeoutMs: values.IDLE_TIMEOUT,
      maxWaitMs: values.MAX_WAIT,
      dedupMaxIds: values.DEDUP_MAX_IDS,
      maxFutureSkewMs: values.MAX_FUTURE_SKEW,
      maxSeries: values.MAX_SERIES,
      vabus: this.vabus(),
      stateDir,
      instanceId: this.instanceId(),
      checkpointIntervalMs: values.CHECKPOINT_INTERVAL,
      outboxMaxRows: values.OUTBOX_MAX_ROWS,
      metricsIntervalMs: values.METRICS_INTERVAL,
      httpListen: listenOf(values),
      httpAllowedHosts: values.HTTP_ALLOWED_HOSTS ?? [],
      log,
      settings: [...this.shown.values()],
      texts: this.texts,
      shadowed: this.settings.shadowed,
      warnings: this.warnings,
    };
  }

  /** Of a text at fault, what is right in it: so that what those sinks lack is told at once as well. */
  private sinkNames(): readonly SinkName[] {
    const refused = this.settings.refused.get("STORAGE_TYPE");
    if (refused === undefined) return this.values.STORAGE_TYPE;
    const words = refused.toLowerCase().split(/[,;\s]+/);
    return SINK_NAMES.filter((name) => words.includes(name));
  }

  private sink(name: SinkName, stateDir: string): SinkConfig {
    switch (name) {
      case "kafka":
        return this.kafka();
      case "postgres":
        return this.postgres();
      case "sqlite": {
        const path = this.absolute(this.values.SQLITE_PATH ?? join(stateDir, "aggregates.sqlite"));
        const mode = this.values.SQLITE_MODE;
        if (mode !== undefined && (mode & 0o077) !== 0 && path.startsWith(`${stateDir}/`)) {
          this.warnings.push(
            "SQLITE_MODE lets nobody read the file where it lies in STATE_DIR, whose mode is 0700: set SQLITE_PATH to another place",
          );
        }
        return { name, path: this.show("SQLITE_PATH", path), ...(mode !== undefined && { mode }) };
      }
      case "stdout":
        return { name };
    }
  }

  private postgres(): PostgresConfig {
    const { POSTGRES_TABLE: table, POSTGRES_CREATE_TABLE: createTable } = this.values;
    const given = this.required("POSTGRES_CONNECTION_STRING", "since STORAGE_TYPE has postgres");
    // Where it is missing or at fault, nothing is built of this.
    const { parameters, secrets } = given ?? { parameters: {} as PostgresParameters, secrets: [] };
    const { sslMode, isSslModeGiven, isDirectTls: isDirect, sslRootCert, sslCert, sslKey, ...rest } =
      parameters;
    const caFile = this.values.POSTGRES_SSL_CA_FILE;
    // An authority is named so that certificates are held against it.
    const mode = caFile !== undefined && !isSslModeGiven ? "verify-full" : sslMode;
    const pem = (parameter: string, path: string | undefined, label: string) => {
      const name = "POSTGRES_CONNECTION_STRING";
      const text = path && this.pemFile(name, path, label, `has ${parameter}, which `);
      if (text !== undefined) this.texts.set(name, `${this.texts.get(name)}\n${text}`);
      return text;
    };
    const hasOwnAuthority = sslRootCert !== "system" && (sslRootCert ?? caFile) !== undefined;
    const tls = {
      mode,
      isDirect,
      // An authority that signs for everybody has signed for somebody else, too.
      provesServer: mode === "verify-full" || (["verify-ca", "require"].includes(mode) && hasOwnAuthority),
      ca: sslRootCert === "system"
        ? sslRootCert
        : pem("sslrootcert", sslRootCert, "CERTIFICATE") || this.pem("POSTGRES_SSL_CA_FILE", "CERTIFICATE"),
      cert: pem("sslcert", sslCert, "CERTIFICATE"),
      key: pem("sslkey", sslKey, "PRIVATE KEY"),
    };
    const files = [tls.ca, tls.cert, tls.key].filter((text) => text !== undefined);
    if (files.length > 0) {
      const name = "POSTGRES_CONNECTION_STRING";
      this.texts.set(name, [this.texts.get(name), ...files].join("\n"));
    }
    if (mode === "verify-ca" && (sslRootCert ?? caFile) === undefined) {
      this.fault(
        "POSTGRES_CONNECTION_STRING",
        "has sslmode=verify-ca without an authority to hold the certificate against: set POSTGRES_SSL_CA_FILE, or add sslrootcert",
      );
    }
    if ((sslRootCert ?? caFile) !== undefined && ["disable", "allow", "prefer"].includes(mode)) {
      const named = sslRootCert === undefined ? "POSTGRES_SSL_CA_FILE is set" : "it has sslrootcert";
      this.warnings.push(
        `POSTGRES_CONNECTION_STRING: ${named}, but with sslmode=${mode} no certificate is checked: ` +
          "add sslmode=verify-full",
      );
    }
    return { name: "postgres", connection: { ...rest, tls }, secrets, table, createTable };
  }

  private kafka(): KafkaConfig {
    const { values } = this;
    const tls = this.tls("KAFKA_SSL_CA_FILE", "KAFKA_SSL_CERT_FILE", "KAFKA_SSL_KEY_FILE");
    if (tls !== undefined && !values.KAFKA_SSL && !this.isAtFault("KAFKA_SSL")) {
      this.fault(
        "KAFKA_SSL",
        "is false, but there are files for it; set it to true or leave KAFKA_SSL_*_FILE out",
      );
    }
    const sasl = this.sasl();
    return {
      name: "kafka",
      bootstrapServers: this.required("KAFKA_BOOTSTRAP_SERVERS", "since STORAGE_TYPE has kafka"),
      topic: values.KAFKA_TOPIC,
      sasl,
      tls: values.KAFKA_SSL ? tls ?? { ca: undefined, cert: undefined, key: undefined } : undefined,
      delivery: values.KAFKA_DELIVERY,
    };
  }

  private sasl(): SaslConfig | undefined {
    const names = ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] as const;
    const first = names.find((name) => this.settings.given.has(name));
    if (first === undefined) return undefined;
    const why = `since ${first} is set`;
    return {
      mechanism: this.required("KAFKA_SASL_MECHANISM", why),
      username: this.required("KAFKA_SASL_USERNAME", why),
      password: this.required("KAFKA_SASL_PASSWORD", why),
    };
  }

  private vabus(): VaBusConfig {
    const { values } = this;
    const urls = values.VABUS_URL ?? values.DEFAULT_VABUS_URL;
    if (values.VABUS_URL === undefined) {
      this.show("VABUS_URL", this.shown.get("DEFAULT_VABUS_URL")!.value!, "DEFAULT_VABUS_URL");
    }
    const tls = this.tls("VABUS_CA_FILE", "VABUS_CERT_FILE", "VABUS_KEY_FILE");
    return {
      urls,
      proxies: this.proxies(urls),
      mode: values.VABUS_MODE,
      token: values.VABUS_TOKEN,
      tls,
      batchSize: values.VABUS_BATCH_SIZE,
    };
  }

  private proxies(urls: readonly string[]): Record<string, Proxy> {
    const proxies: Record<string, Proxy> = {};
    const faulty = new Set<string>();
    for (const url of urls) {
      const proxy = proxyFor(url, this.sources.environment);
      if (proxy === undefined) continue;
      if ("url" in proxy) proxies[url] = proxy;
      else if (!faulty.has(proxy.variable)) {
        faulty.add(proxy.variable);
        const { variable: subject, masked: value, problem } = proxy;
        this.faults.push({ subject, origin: "environment", value, problem });
      }
    }
    return proxies;
  }

  private tls(caName: VariableName, certName: VariableName, keyName: VariableName): TlsConfig | undefined {
    const { given } = this.settings;
    if (![caName, certName, keyName].some((name) => given.has(name))) return undefined;
    if (given.has(certName) !== given.has(keyName)) {
      const [missing, present] = given.has(certName) ? [keyName, certName] : [certName, keyName];
      this.fault(missing, `is missing, since ${present} is set`);
    }
    return {
      ca: this.pem(caName, "CERTIFICATE"),
      cert: this.pem(certName, "CERTIFICATE"),
      key: this.pem(keyName, "PRIVATE KEY"),
    };
  }

  private pem(name: VariableName, label: string): string | undefined {
    const path = this.values[name];
    if (typeof path !== "string") return undefined;
    const text = this.pemFile(name, path, label);
    if (text !== undefined) this.texts.set(name, `${path}\n${text}`);
    return text;
  }

  /** @param subject What names the file, where that is not the variable itself. */
  private pemFile(name: VariableName, path: string, label: string, subject = ""): string | undefined {
    const result = readText(path, this.sources);
    if ("problem" in result) this.fault(name, subject + result.problem, true);
    else if (!new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(result.text)) {
      this.fault(name, `${subject}names a file without a PEM block "${label}"`);
    } else if (/-----BEGIN ENCRYPTED |^Proc-Type:.*ENCRYPTED/m.test(result.text)) {
      this.fault(name, `${subject}names a key with a password, which nobody is there to type; take it off`);
    } else return result.text;
    return undefined;
  }

  private stateDir(): string {
    const given = this.values.STATE_DIR;
    if (given !== undefined) return this.show("STATE_DIR", this.absolute(given));
    const { STATE_DIRECTORY, XDG_STATE_HOME, HOME } = this.sources.environment;
    const ofSystemd = STATE_DIRECTORY?.split(":")[0];
    if (ofSystemd) return this.show("STATE_DIR", ofSystemd, "default, systemd's STATE_DIRECTORY");
    const stateHome = XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME)
      ? XDG_STATE_HOME
      : HOME && join(HOME, ".local", "state");
    if (stateHome) return this.show("STATE_DIR", join(stateHome, "vabus-data-handler"));
    if (!this.settings.given.has("STATE_DIR")) {
      this.fault(
        "STATE_DIR",
        "has no default here, since neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME is set",
      );
    }
    return "";
  }

  private instanceId(): string {
    const given = this.values.INSTANCE_ID;
    if (given !== undefined) return given;
    const { hostName } = this.sources;
    if (!variable("INSTANCE_ID").type.schema.safeParse(hostName).success) {
      if (!this.settings.given.has("INSTANCE_ID")) {
        this.fault("INSTANCE_ID", "has no default here, since this machine has no usable host name");
      }
    }
    return this.show("INSTANCE_ID", hostName, "default, the host name");
  }

  private checkRoutes(validateRoutes: ValidateRoutes, sinks: readonly SinkName[]): void {
    if (this.values.ROUTES === undefined) return;
    // A sink that is not named rightly yet may be any of them.
    const known = this.isAtFault("STORAGE_TYPE") ? SINK_NAMES : sinks;
    for (const problem of validateRoutes(this.values.ROUTES, known)) {
      this.fault("ROUTES", `is wrong: ${problem}`);
    }
  }

  private checkAgainstEachOther(stateDir: string, sinks: readonly SinkConfig[]): void {
    const { values, settings } = this;
    const sqlite = sinks.find((sink) => sink.name === "sqlite");
    for (const { name, problem } of contradictions(values, stateDir, sqlite?.path)) {
      if (!this.isAtFault(name)) this.fault(name, problem);
    }
    if (settings.faults.length === 0) this.warnings.push(...doubtfulPairs(values, settings.given));
  }

  /** The value of a variable that others make necessary. */
  private required<N extends VariableName>(name: N, why: string): NonNullable<Values[N]> {
    const value = this.values[name];
    if (value === undefined && !this.settings.given.has(name)) this.fault(name, `is missing, ${why}`, true);
    return value!;
  }

  private isAtFault(name: VariableName): boolean {
    return this.settings.faults.some(({ subject }) => subject === name);
  }

  private fault(name: VariableName, problem: string, isAbsence = false): void {
    const { value, origin } = this.shown.get(name)!;
    this.faults.push({
      subject: name,
      origin: value === undefined ? undefined : origin,
      value,
      problem,
      allowed: variable(name).type.allowed,
      ...(isAbsence && { isAbsence }),
    });
  }

  /** Notes what a variable without a fixed default comes to. */
  private show(name: VariableName, value: string, origin = this.shown.get(name)!.origin): string {
    this.shown.set(name, { ...this.shown.get(name)!, value, origin });
    return value;
  }

  private absolute(path: string): string {
    return resolve(this.sources.workingDirectory, path);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
