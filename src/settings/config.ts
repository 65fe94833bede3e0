import { isAbsolute, join } from "node:path";
import type { Catalogue } from "./catalogue.ts";
import { contradictions, doubtfulPairs, shortRetentions } from "./contradictions.ts";
import type { SinkDeclaration, SourceDeclaration } from "./declaration.ts";
import { exposedCredentials } from "./exposed_credentials.ts";
import { exposedSecrets } from "./exposed_secrets.ts";
import { ConfigError, type Fault } from "./fault.ts";
import { Ledger } from "./ledger.ts";
import { type AllSettings, coreValues, readSettings, type Setting, type Sources } from "./settings.ts";
import { inOrderOfRedaction } from "./redaction.ts";
import { Scope } from "./scope.ts";
import { prefixOfSink, type SinkName, wordOfSink } from "./sink_name.ts";
import type { HostPort } from "./value_type.ts";
import type { SourceUrl } from "./source_url.ts";
import { type CoreValues, REST } from "./variables.ts";

/** The whole configuration: valid, complete and immutable. Only `settings` may be shown. */
export interface Config {
  /** The sinks of `STORAGE_TYPE`, in its order. */
  readonly sinks: readonly SinkConfig[];
  /** All of `STORAGE_TYPE`, those that are left out here included. */
  readonly sinkNames: readonly SinkName[];
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
  /** The buses, in their order. */
  readonly sources: readonly SourceConfig[];
  /** Events a read. */
  readonly batchSize: number;
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
  readonly lacking: readonly { readonly sink: string; readonly problem: string }[];
  /** Every variable as it is in force and where it comes from, secrets masked. */
  readonly settings: readonly Setting[];
  /** Every secret text, to be taken out of whatever might hold one unawares. */
  readonly secrets: readonly string[];
  /**
   * What each variable was read from, with secrets and the contents of the files that settings name: to see what has changed, and
   * never to be shown.
   */
  readonly texts: ReadonlyMap<string, string | undefined>;
  /** Variables that the file of settings gives other values, which flags or the environment beat. */
  readonly shadowed: readonly string[];
  /** What is allowed but looks like a mistake; to be logged at start. */
  readonly warnings: readonly string[];
}

/** A sink of `STORAGE_TYPE`. */
export interface SinkConfig extends SinkName {
  /** What its connector has made of its settings. */
  readonly options: unknown;
}

/** A bus of `VABUS_URL`. */
export interface SourceConfig extends SourceUrl {
  /** The URL without credentials. */
  readonly place: string;
  /** What its connector has made of its settings. */
  readonly options: unknown;
}

export interface LogConfig {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "text" | "json";
}

/** Says what is wrong with the text of `ROUTES`, given the ids of the sinks there are. Each is a sentence of its own. */
export type ValidateRoutes = (routes: string, sinks: readonly string[]) => readonly string[];

/**
 * Reads and checks the whole configuration.
 *
 * @throws {ConfigError} that names every fault.
 */
export function loadConfig(sources: Sources, catalogue: Catalogue, validateRoutes: ValidateRoutes): Config {
  const settings = readSettings(sources, catalogue);
  const { faults, build } = new ConfigBuilder(settings, sources).read(validateRoutes);
  const { fatal, lacking } = triage(faults, settings, sources);
  if (fatal.length > 0) throw new ConfigError(fatal);
  return deepFreeze(build(lacking));
}

/** Parts what is at fault from what is only not there, where the command can do without it. */
function triage(faults: readonly Fault[], { catalogue }: AllSettings, { isAlone }: Sources) {
  const fatal: Fault[] = [];
  const lacking: { sink: string; problem: string }[] = [];
  for (const fault of faults) {
    const { subject, problem, isAbsence } = fault;
    const name = catalogue.ofGiven(subject);
    const entry = name === undefined ? undefined : catalogue.entry(name);
    const isOutside = entry?.sink !== undefined || entry?.isOfBuses;
    if (!isAlone || !isAbsence || !isOutside) fatal.push(fault);
    else if (entry.sink) lacking.push({ sink: entry.sink.id, problem: `${subject} ${problem}` });
  }
  return { fatal, lacking };
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
export function loadBusConfig(sources: Sources, catalogue: Catalogue): BusConfig {
  const settings = readSettings(sources, catalogue);
  const { fatal } = triage(settings.faults, settings, sources);
  if (fatal.length > 0) throw new ConfigError(fatal);
  const values = coreValues(settings);
  const token = values.VABUS_TOKEN;
  const secrets = token === undefined ? [] : [token];
  const allowedHosts = values.HTTP_ALLOWED_HOSTS ?? [];
  const warnings = exposedSecrets([settings.masked.get("VABUS_TOKEN")!], sources);
  return deepFreeze({
    token,
    allowedHosts,
    httpListen: listenOf(values),
    log: logConfig(values, sources),
    secrets,
    warnings,
  });
}

function listenOf({ HTTP_LISTEN }: CoreValues): HostPort | undefined {
  return HTTP_LISTEN === "off" ? undefined : HTTP_LISTEN;
}

function logConfig(values: CoreValues, sources: Sources): LogConfig {
  return { level: values.LOG_LEVEL, format: values.LOG_FORMAT ?? (sources.isTerminal ? "text" : "json") };
}

/** A sink with what its connector says of it. */
interface ConfiguredSink {
  readonly config: SinkConfig;
  readonly connector: SinkDeclaration;
  /** Gives a text the names that its settings have for the operator. */
  readonly named: (text: string) => string;
}

/** A bus with what its connector says of it. */
interface ConfiguredSource {
  readonly config: SourceConfig;
  readonly connector: SourceDeclaration;
  readonly named: (text: string) => string;
}

/** Checks the variables against each other. */
class ConfigBuilder {
  private readonly ledger: Ledger;
  private readonly values: CoreValues;

  constructor(private readonly settings: AllSettings, private readonly sources: Sources) {
    this.ledger = new Ledger(settings, sources);
    this.values = coreValues(settings);
  }

  /** What it builds is whole only when there are no faults, but for those of sinks that are left out. */
  read(validateRoutes: ValidateRoutes) {
    const { ledger, values, sources } = this;
    const stateDir = this.stateDir();
    const sinks = this.settings.sinks.map((name) => this.sink(name, stateDir));
    const buses = this.buses();
    this.checkRoutes(validateRoutes);
    const sound = sinks.filter((sink) => this.isSound(sink));
    this.checkTargets(sound);
    this.checkAgainstEachOther(stateDir, sound, buses);
    const log = logConfig(values, sources);
    ledger.show("LOG_FORMAT", log.format);
    const instanceId = this.instanceId();
    const build = (lacking: Config["lacking"]): Config => {
      const present = sinks.filter(({ config }) => !lacking.some(({ sink }) => sink === config.id));
      const parts = [...buses, ...present];
      const transmissions = parts.flatMap(({ config, connector, named }) =>
        (connector.credentialsOf?.(config.options) ?? []).map((transmission) => ({
          ...transmission,
          credential: named(transmission.credential),
          remedy: named(transmission.remedy),
        }))
      );
      return {
        sinks: present.map(({ config }) => config),
        sinkNames: this.settings.sinks,
        routes: values.ROUTES,
        aggregationIntervalMs: values.AGGREGATION_INTERVAL,
        allowedLatenessMs: values.ALLOWED_LATENESS,
        correctionHorizonMs: values.CORRECTION_HORIZON,
        idleTimeoutMs: values.IDLE_TIMEOUT,
        maxWaitMs: values.MAX_WAIT,
        dedupMaxIds: values.DEDUP_MAX_IDS,
        maxFutureSkewMs: values.MAX_FUTURE_SKEW,
        maxSeries: values.MAX_SERIES,
        sources: buses.map(({ config }) => config),
        batchSize: values.VABUS_BATCH_SIZE,
        stateDir,
        instanceId,
        checkpointIntervalMs: values.CHECKPOINT_INTERVAL,
        outboxMaxRows: values.OUTBOX_MAX_ROWS,
        metricsIntervalMs: values.METRICS_INTERVAL,
        httpListen: listenOf(values),
        httpAllowedHosts: values.HTTP_ALLOWED_HOSTS ?? [],
        log,
        lacking,
        settings: [...ledger.shown.values()],
        secrets: inOrderOfRedaction(
          parts.flatMap(({ config, connector }) => connector.secretsOf?.(config.options) ?? []),
        ),
        texts: ledger.texts,
        shadowed: this.settings.shadowed,
        warnings: [...ledger.warnings, ...exposedCredentials(transmissions)],
      };
    };
    return { faults: ledger.faults, build };
  }

  private sink(name: SinkName, stateDir: string): ConfiguredSink {
    const connector = this.settings.catalogue.sinkOfKind(name.kind);
    const prefix = prefixOfSink(name);
    for (const [own, { needed }] of Object.entries(connector.settings)) {
      if (needed) this.ledger.require(prefix + own, `since STORAGE_TYPE has ${wordOfSink(name)}`);
    }
    const scope = new Scope(this.ledger, connector.settings, prefix, name.id, name.kind, stateDir);
    return { config: { ...name, options: connector.configure(scope) }, connector, named: scope.named };
  }

  /** Whether all is there that the sink needs, and nothing of it is wrong. */
  private isSound({ config: { id } }: ConfiguredSink): boolean {
    const { catalogue, values } = this.settings;
    const isLacking = [...catalogue.entries].some(([name, { variable, sink }]) =>
      variable.needed && sink?.id === id && values.get(name) === undefined
    );
    return !isLacking && !this.ledger.faults.some(({ subject }) => {
      const name = catalogue.ofGiven(subject);
      return name !== undefined && catalogue.entry(name).sink?.id === id;
    });
  }

  /** Two sinks that write to one place would each take the other's rows for its own. */
  private checkTargets(sinks: readonly ConfiguredSink[]): void {
    for (const [index, { config, connector }] of sinks.entries()) {
      const targets = connector.targetsOf(config.options);
      const other = sinks.slice(0, index).find((earlier) =>
        earlier.config.kind === config.kind &&
        connector.targetsOf(earlier.config.options).some((target) => targets.includes(target))
      );
      if (other === undefined || this.ledger.isAtFault("STORAGE_TYPE")) continue;
      this.ledger.fault(
        "STORAGE_TYPE",
        `has ${wordOfSink(other.config)} and ${wordOfSink(config)}, which write to the same place ` +
          `(${targets.join(", ")}): each needs its own`,
      );
    }
  }

  private checkRoutes(validateRoutes: ValidateRoutes): void {
    if (this.values.ROUTES === undefined) return;
    const { catalogue, sinks } = this.settings;
    const ids = sinks.map(({ id }) => id);
    // A sink that is not named rightly yet may be any of them.
    const known = this.ledger.isAtFault("STORAGE_TYPE") ? [...new Set([...catalogue.kinds, ...ids])] : ids;
    for (const problem of validateRoutes(this.values.ROUTES, known)) {
      this.ledger.fault("ROUTES", `is wrong: ${problem}`);
    }
  }

  private checkAgainstEachOther(
    stateDir: string,
    sinks: readonly ConfiguredSink[],
    sources: readonly ConfiguredSource[],
  ): void {
    const { ledger, values, settings } = this;
    const files = sinks.flatMap(({ config, connector, named }) => {
      const file = connector.fileOf?.(config.options);
      return file === undefined ? [] : [{ ...file, setting: named(file.setting) }];
    });
    const addresses = [...sources, ...sinks].flatMap(({ config, connector, named }) =>
      (connector.addressesOf?.(config.options) ?? []).map(({ setting, address }) => ({
        setting: named(setting),
        address,
      }))
    );
    const retentions = sinks.flatMap(({ config, connector, named }) => {
      const retention = connector.retentionOf?.(config.options);
      return retention === undefined ? [] : [{ ...retention, setting: named(retention.setting) }];
    });
    const found = [
      ...contradictions(values, stateDir, files, addresses),
      ...shortRetentions(values, retentions),
    ];
    for (const { name, problem } of found) {
      if (!ledger.isAtFault(name)) ledger.fault(name, problem);
    }
    if (settings.faults.length === 0) {
      const mayRepeat = sources.some(({ config, connector }) =>
        connector.mayRepeat?.(config.options) ?? true
      );
      ledger.warnings.push(...doubtfulPairs(values, settings, mayRepeat));
    }
  }

  private buses(): ConfiguredSource[] {
    const { values, ledger, settings: { catalogue } } = this;
    const urls = values.VABUS_URL ?? values.DEFAULT_VABUS_URL;
    if (values.VABUS_URL === undefined) {
      ledger.show("VABUS_URL", ledger.shown.get("DEFAULT_VABUS_URL")!.value!, "DEFAULT_VABUS_URL");
    }
    const tls = ledger.tls("VABUS_CA_FILE", "VABUS_CERT_FILE", "VABUS_KEY_FILE");
    const common = { token: values.VABUS_TOKEN, tls, busCount: urls.length };
    return urls.map(({ kind, url }) => {
      const connector = catalogue.sourceOfKind(kind);
      const scope = new Scope(ledger, connector.settings, "", kind, kind, "");
      const options = connector.configure(scope, { ...common, url, proxy: ledger.proxy(url) });
      return {
        config: { kind, url, place: connector.placeOf(url), options },
        connector,
        named: scope.named,
      };
    });
  }

  private stateDir(): string {
    const { ledger } = this;
    const given = this.values.STATE_DIR;
    if (given !== undefined) return ledger.show("STATE_DIR", ledger.absolute(given));
    const { STATE_DIRECTORY, XDG_STATE_HOME, HOME } = this.sources.environment;
    const ofSystemd = STATE_DIRECTORY?.split(":")[0];
    if (ofSystemd) return ledger.show("STATE_DIR", ofSystemd, "default, systemd's STATE_DIRECTORY");
    const stateHome = XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME)
      ? XDG_STATE_HOME
      : HOME && join(HOME, ".local", "state");
    if (stateHome) return ledger.show("STATE_DIR", join(stateHome, "vabus-data-handler"));
    if (!ledger.isGiven("STATE_DIR")) {
      ledger.fault(
        "STATE_DIR",
        "has no default here, since neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME is set",
      );
    }
    return "";
  }

  private instanceId(): string {
    const { ledger } = this;
    const given = this.values.INSTANCE_ID;
    if (given !== undefined) return given;
    const { hostName } = this.sources;
    if (!REST.INSTANCE_ID.type.schema.safeParse(hostName).success && !ledger.isGiven("INSTANCE_ID")) {
      ledger.fault("INSTANCE_ID", "has no default here, since this machine has no usable host name");
    }
    return ledger.show("INSTANCE_ID", hostName, "default, the host name");
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
