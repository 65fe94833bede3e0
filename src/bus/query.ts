/** A query that the protocol does not allow. The message is for the client. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 100_000;
const MAX_WAIT_SECONDS = 60;
const MAX_CONSUMER_CHARACTERS = 256;

/** What a reader of the event log asks for. @throws {QueryError} */
export class ReadQuery {
  /** Undefined: from the oldest. */
  readonly offset: number | undefined;
  readonly limit: number;
  readonly waitMs: number;
  readonly consumer: string | undefined;
  readonly ack: number | undefined;

  constructor(query: URLSearchParams) {
    this.offset = whole(query, "offset");
    this.limit = Math.min(MAX_LIMIT, whole(query, "limit") ?? DEFAULT_LIMIT);
    if (this.limit === 0) throw new QueryError("limit must be at least 1");
    this.waitMs = Math.min(MAX_WAIT_SECONDS, seconds(query, "wait") ?? 0) * 1000;
    this.ack = whole(query, "ack");
    this.consumer = query.get("consumer") ?? undefined;
    if (this.consumer === "" || (this.consumer?.length ?? 0) > MAX_CONSUMER_CHARACTERS) {
      throw new QueryError(`consumer must have 1 to ${MAX_CONSUMER_CHARACTERS} characters`);
    }
  }
}

function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw new QueryError(`${name} must be a whole number from 0 to 2^53 - 1`);
  return value;
}

function seconds(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) throw new QueryError(`${name} must be a number of seconds`);
  return Number(text);
}
