import { isAbsolute, join } from "node:path";
import type { Catalogue } from "./catalogue.ts";
import { contradictions, doubtfulPairs, shortRetentions } from "./contradictions.ts";
import {
  addressesOf,
  checkTargets,
  configureBuses,
  type ConfiguredSink,
  type ConfiguredSource,
  configureSinks,
  filesOf,
  handsOver,
  isSound,
  retentionsOf,
  secretsOf,
  shareOf,
  type SinkConfig,
  type SourceConfig,
  transmissionsOf,
} from "./configured.ts";
import type { Certificate } from "./certificate.ts";
import { deepFreeze } from "./deep_freeze.ts";
import { exposedCredentials } from "./exposed_credentials.ts";
import { ConfigError } from "./fault.ts";
import type { Interval } from "./intervals.ts";
import { Ledger } from "./ledger.ts";
import { type AllSettings, coreValues, readSettings, type Setting, type Sources } from "./settings.ts";
import { instanceShare } from "./instance_share.ts";
import type { InstanceShare } from "./share.ts";
import { listenOf, type LogConfig, logConfig, triage } from "./shared_config.ts";
import { inOrderOfRedaction } from "./redaction.ts";
import { checkEvents, type RuleChecks } from "./rule_checks.ts";
import type { SinkName } from "./sink_name.ts";
import type { HostPort } from "./value_type.ts";
import { configureTelemetry, type TelemetryConfig } from "./telemetry_config.ts";
import { type CoreValues, REST } from "./variables.ts";

/** The whole configuration: valid, complete and immutable. Only `settings` may be shown. */
export interface Config {
  /** The sinks of `STORAGE_TYPE`, in its order. */
  readonly sinks: readonly SinkConfig[];
  /** All sinks of `STORAGE_TYPE`, including those that are left out of `sinks`. */
  readonly sinkNames: readonly SinkName[];
  /** The text of `ROUTES`; undefined: all aggregates go to all sinks. */
  readonly routes: string | undefined;
  /** The text of `AGG_FUNCTIONS`. */
  readonly functions: string;
  /** The intervals of `AGGREGATION_INTERVAL`, the shortest first. */
  readonly intervals: readonly Interval[];
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
  /** Undefined: it shares no bus with other instances. */
  readonly share: ConfiguredShare | undefined;
  readonly checkpointIntervalMs: number;
  readonly outboxMaxRows: number;
  /** 0: metrics are never sent to the bus. */
  readonly metricsIntervalMs: number;
  /** Undefined: no admin listener. Port 0: any free one. */
  readonly httpListen: HostPort | undefined;
  /** Names, beside those of loopback, that clients may call the admin listener by; in lower case. */
  readonly httpAllowedHosts: readonly string[];
  /** The tokens of the admin listener; undefined: there is none for that role. */
  readonly httpTokens: { readonly viewer: string | undefined; readonly admin: string | undefined };
  /** PEM texts for the admin listener; undefined: plain HTTP. */
  readonly httpTls: HttpTls | undefined;
  readonly log: LogConfig;
  /** Undefined: nothing is told to a receiver of OTLP. */
  readonly telemetry: TelemetryConfig | undefined;
  /**
   * Sinks of `STORAGE_TYPE` that are left out because a setting is missing. The command works without them.
   */
  readonly lacking: readonly { readonly sink: string; readonly problem: string }[];
  /** Every variable with its effective value and origin, secrets masked. */
  readonly settings: readonly Setting[];
  /** Every secret text, to be removed from texts that might contain one by accident. */
  readonly secrets: readonly string[];
  /**
   * The texts that each variable was read from, with secrets and the contents of files, to see what has
   * changed. They must never be shown.
   */
  readonly texts: ReadonlyMap<string, string | undefined>;
  /** Variables whose value in the settings file is overridden by a flag or the environment. */
  readonly shadowed: readonly string[];
  /** Settings that are allowed but look like a mistake, as texts for the log. */
  readonly warnings: readonly string[];
  /** The certificates of the files that settings name. */
  readonly certificates: readonly Certificate[];
}

export interface ConfiguredShare extends InstanceShare {
  /** Whether all of the buses can hand their partitions over, so that the count may change. */
  readonly handsOver: boolean;
}

export interface HttpTls {
  readonly cert: string;
  readonly key: string;
  /** The authorities of clients; undefined: no certificate is asked for. */
  readonly clientCa: string | undefined;
}

/**
 * Reads and checks the whole configuration.
 *
 * @throws {ConfigError} that names every fault.
 */
export function loadConfig(sources: Sources, catalogue: Catalogue, checks: RuleChecks): Config {
  const settings = readSettings(sources, catalogue);
  const { faults, build } = new ConfigBuilder(settings, sources).read(checks);
  const { fatal, lacking } = triage(faults, settings, sources);
  if (fatal.length > 0) throw new ConfigError(fatal);
  return deepFreeze(build(lacking));
}

/** Checks the variables against each other. */
class ConfigBuilder {
  private readonly ledger: Ledger;
  private readonly values: CoreValues;

  constructor(private readonly settings: AllSettings, private readonly sources: Sources) {
    this.ledger = new Ledger(settings, sources);
    this.values = coreValues(settings);
  }

  /**
   * The configuration is complete only when there are no faults, apart from those of sinks that are left out.
   */
  read(checks: RuleChecks) {
    const { ledger, values, sources } = this;
    const stateDir = this.stateDir();
    const sinks = configureSinks(ledger, stateDir);
    const instanceId = this.instanceId();
    const share = instanceShare(values, instanceId, sources.hostName, ledger);
    const all = configureBuses(ledger, values);
    const buses = shareOf(all, share, ledger);
    this.checkRoutes(checks);
    checkEvents(ledger, checks, buses);
    for (const problem of checks.functions(values.AGG_FUNCTIONS)) {
      ledger.fault("AGG_FUNCTIONS", `is wrong: ${problem}`);
    }
    const sound = sinks.filter((sink) => isSound(sink, ledger));
    checkTargets(sound, ledger);
    this.checkAgainstEachOther(stateDir, sound, buses);
    const httpTls = this.httpTls();
    const { ADMIN_TOKEN: admin, VIEWER_TOKEN: viewer } = values;
    const log = logConfig(values, sources);
    ledger.show("LOG_FORMAT", log.format);
    const telemetry = configureTelemetry(values, ledger);
    const build = (lacking: Config["lacking"]): Config => {
      const present = sinks.filter(({ config }) => !lacking.some(({ sink }) => sink === config.id));
      const parts = [...buses, ...present, ...telemetry];
      return {
        sinks: present.map(({ config }) => config),
        sinkNames: this.settings.sinks,
        routes: values.ROUTES,
        functions: values.AGG_FUNCTIONS,
        intervals: values.AGGREGATION_INTERVAL,
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
        share: share && { ...share, handsOver: all.every(({ connector }) => handsOver(connector)) },
        checkpointIntervalMs: values.CHECKPOINT_INTERVAL,
        outboxMaxRows: values.OUTBOX_MAX_ROWS,
        metricsIntervalMs: values.METRICS_INTERVAL,
        httpListen: listenOf(values),
        httpAllowedHosts: values.HTTP_ALLOWED_HOSTS ?? [],
        httpTokens: { viewer, admin },
        httpTls,
        log,
        telemetry: telemetry[0]?.config.options,
        lacking,
        settings: [...ledger.shown.values()],
        secrets: inOrderOfRedaction([...secretsOf(parts), viewer, admin]),
        texts: ledger.texts,
        shadowed: this.settings.shadowed,
        certificates: ledger.certificates,
        warnings: [...ledger.warnings, ...exposedCredentials(transmissionsOf(parts))],
      };
    };
    return { faults: ledger.faults, build };
  }

  private checkRoutes(checks: RuleChecks): void {
    if (this.values.ROUTES === undefined) return;
    const { catalogue, sinks } = this.settings;
    const ids = sinks.map(({ id }) => id);
    // The fault in `STORAGE_TYPE` may hide a sink, so every kind is allowed in `ROUTES`.
    const known = this.ledger.isAtFault("STORAGE_TYPE") ? [...new Set([...catalogue.kinds, ...ids])] : ids;
    const tiers = this.ledger.isAtFault("AGGREGATION_INTERVAL")
      ? undefined
      : this.values.AGGREGATION_INTERVAL;
    for (const problem of checks.routes(this.values.ROUTES, known, tiers)) {
      this.ledger.fault("ROUTES", `is wrong: ${problem}`);
    }
  }

  private checkAgainstEachOther(
    stateDir: string,
    sinks: readonly ConfiguredSink[],
    buses: readonly ConfiguredSource[],
  ): void {
    const { ledger, values, settings } = this;
    const found = [
      ...contradictions(values, stateDir, filesOf(sinks), addressesOf([...buses, ...sinks])),
      ...shortRetentions(values, retentionsOf(sinks)),
    ];
    for (const { name, problem } of found) if (!ledger.isAtFault(name)) ledger.fault(name, problem);
    if (settings.faults.length > 0) return;
    const mayRepeat = buses.some(({ config, connector }) => connector.mayRepeat?.(config.options) ?? true);
    ledger.warnings.push(...doubtfulPairs(values, settings, mayRepeat));
  }

  /** The certificates of the admin listener. Faults go into the ledger. */
  private httpTls(): HttpTls | undefined {
    const { ledger } = this;
    const tls = ledger.tls("HTTP_CLIENT_CA_FILE", "HTTP_CERT_FILE", "HTTP_KEY_FILE");
    if (tls === undefined) return undefined;
    const { ca: clientCa, cert, key } = tls;
    if (!ledger.isGiven("HTTP_CERT_FILE") && !ledger.isGiven("HTTP_KEY_FILE")) {
      ledger.fault("HTTP_CERT_FILE", "is missing, since HTTP_CLIENT_CA_FILE is set");
    }
    return cert === undefined || key === undefined ? undefined : { cert, key, clientCa };
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
