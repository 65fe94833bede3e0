import { SourceError } from "../../contract/source.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { type Accepted, shakeHands, WRONG_VERSION } from "./handshake.ts";
import { MqttConnection } from "./mqtt_connection.ts";
import { clientIdOf, type MqttOptions } from "./mqtt_options.ts";
import { type ProtocolLevel, versionName } from "./packet_types.ts";
import type { Packet } from "./packet_cutter.ts";
import type { ConnectOptions } from "./packet_writer.ts";

/** Messages with QoS 1 and 2 at most that a broker of MQTT 5 sends before one of them is acknowledged. */
export const RECEIVE_MAXIMUM = 16_384;
export const TOPIC_ALIAS_MAXIMUM = 1000;
/** A week, in seconds: how long a broker of MQTT 5 keeps the session of a handler that is away. */
const SESSION_EXPIRY = 7 * 86_400;
const KEEP_ALIVE_SECONDS = 30;

/** A client that the broker has accepted. */
export interface Introduced extends Accepted {
  readonly connection: MqttConnection;
}

/** Who connects, and what becomes of the session. */
export interface Visitor {
  /** Behind the client id of the source. */
  readonly suffix: string;
  readonly isClean: boolean;
  /** Whether the broker is told what to publish when the connection is lost, and keeps that for others. */
  readonly will: "retained" | "passing" | "none";
}

/** Connects to one broker, with the newest version of MQTT that it has. */
export class Introduction {
  /**
   * Whether a CONNECT may have had no answer, one of an earlier process included. The broker may have taken
   * it nevertheless, and made a session. Who knows that there was none since, says so here.
   */
  mayBeUnanswered = true;
  /** The newest version that the broker may have, by what it has said. */
  private newest: ProtocolLevel = 5;
  /**
   * What the broker has done with MQTT 5 when it last accepted a connection. `refused`: closed one without a
   * word, and then took MQTT 3.1.1. Undefined: it is not known, or it has closed one without a word since.
   */
  private lastWithNewest: "accepted" | "refused" | undefined;

  /**
   * @param received Gets the packets of the broker, from its answer to the CONNECT on.
   *
   * @throws {SourceError}
   */
  async introduce(
    options: MqttOptions,
    visitor: Visitor,
    received: (level: ProtocolLevel) => (packet: Packet) => void,
    logger: Logger | undefined,
    signal: AbortSignal,
  ): Promise<Introduced> {
    const { access, clock, qos } = options;
    let wasSilent = false;
    for (let level = this.newest;;) {
      const connection = await MqttConnection.open(access, level, clock, signal);
      connection.received = received(level);
      let accepted: Accepted | typeof WRONG_VERSION;
      try {
        accepted = await shakeHands(connection, connectOptions(options, visitor, level), qos, logger, signal);
      } catch (error) {
        const isSilent = !connection.hasHeard && !signal.aborted;
        const isRefusal = level === 5 && isSilent && this.lastWithNewest === "refused";
        if (!connection.isAnswered && !isRefusal) this.mayBeUnanswered = true;
        connection.fail(error as SourceError);
        // Some brokers that do not know MQTT 5 close the connection without a word. So does a proxy whose
        // broker is down: the next time begins with MQTT 5 again. So does one that has MQTT 5 and dies. It
        // may have made a session by then, which MQTT 3.1.1 cannot tell from one with subscriptions.
        if (level !== 5 || !isSilent) throw error;
        if (this.lastWithNewest === "accepted") {
          this.lastWithNewest = undefined;
          throw error;
        }
        level = 4;
        wasSilent = true;
        continue;
      }
      if (accepted !== WRONG_VERSION) {
        this.lastWithNewest = level === 5 ? "accepted" : wasSilent ? "refused" : undefined;
        void connection.keepAlive(accepted.keepAlive * 1000);
        return { ...accepted, connection };
      }
      connection.fail(new SourceError("unavailable", `${connection.name} has no ${versionName(level)}`));
      level = this.newest = 4;
    }
  }
}

function connectOptions(
  options: MqttOptions,
  { isClean, suffix, will }: Visitor,
  level: ProtocolLevel,
): ConnectOptions {
  const { password, statusTopic, username } = options;
  return {
    level,
    clientId: clientIdOf(options) + suffix,
    isClean,
    sessionExpiry: isClean ? 0 : SESSION_EXPIRY,
    receiveMaximum: RECEIVE_MAXIMUM,
    topicAliasMaximum: TOPIC_ALIAS_MAXIMUM,
    keepAlive: KEEP_ALIVE_SECONDS,
    username,
    password,
    will: statusTopic === undefined || will === "none"
      ? undefined
      : { topic: statusTopic, payload: "offline", isRetained: will === "retained" },
  };
}
