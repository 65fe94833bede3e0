import { SourceError } from "../../contract/source.ts";
import type { BusConnection } from "./bus_connection.ts";

/** A bus that removes each event as it hands it out. */
export interface QueueBus {
  /** The URL without credentials. */
  readonly name: string;
  /**
   * The next event's bytes, which the bus has then removed; undefined: there is none. Throws `SourceError`.
   */
  take(signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Connects to the bus without taking an event. */
  probe(signal: AbortSignal): Promise<string>;
  /**
   * The time that the bus tells, Unix ms, without taking an event; undefined: it does not tell. Throws
   * `SourceError`.
   */
  time(signal: AbortSignal): Promise<number | undefined>;
  close(): void;
}

const OK = 200;
const NO_CONTENT = 204;
const NOT_FOUND = 404;

/** The destructive `GET /event` of a VaBus. */
export class QueueClient implements QueueBus {
  readonly name: string;

  constructor(private readonly connection: BusConnection) {
    this.name = connection.name;
  }

  async take(signal: AbortSignal): Promise<Uint8Array | undefined> {
    let isGiven = false;
    try {
      const { status, body } = await this.connection.request({
        path: "/event",
        expected: [OK, NO_CONTENT],
        events: 1,
        answered: (status) => isGiven = status === OK,
      }, signal);
      return status === OK ? body : undefined;
    } catch (error) {
      if (!isGiven || !(error instanceof SourceError)) throw error;
      const message = `${error.message}: the event that it held is lost, since the bus has removed it`;
      throw new SourceError(error.kind, message, error.retryAfterMs, { cause: error, lost: 1 });
    }
  }

  async probe(signal: AbortSignal): Promise<string> {
    const { status } = await this.connection.request({ path: "/healthz", expected: [OK, NOT_FOUND] }, signal);
    return (status === OK ? "queue" : "it answers, but has no /healthz, as old buses have none") +
      "; GET /event was not tried, since that takes an event";
  }

  time(signal: AbortSignal): Promise<number | undefined> {
    return this.connection.time(signal);
  }

  close(): void {
    this.connection.close();
  }
}
