import type { DatabaseSync } from "node:sqlite";
import type { ClaimStore } from "../claim_keeper.ts";
import type { Claim } from "../../contract/sink.ts";

export const CREATE_WRITER_TABLE = `
  create table if not exists aggregated_events_writer (
    instance text primary key,
    state_id text not null,
    boot integer not null,
    life text not null,
    next_id integer not null,
    claimed_at real not null default ((julianday('now') - 2440587.5) * 86400.0)
  ) without rowid`;

/** The claim of an instance, in a small table beside the table of the rows. */
export class SqliteClaim implements ClaimStore {
  constructor(private readonly database: DatabaseSync, private readonly instance: string) {}

  read(): Promise<Claim | undefined> {
    return Promise.resolve(this.found);
  }

  /** One past the newest outbox id that was written. */
  get nextId(): number {
    return this.found?.nextId ?? 0;
  }

  private get found(): Claim | undefined {
    const row = this.database.prepare(
      "select state_id as stateId, boot, life, next_id as nextId from aggregated_events_writer where " +
        "instance = ?",
    ).get(this.instance);
    return row as Claim | undefined;
  }

  replace(found: Claim | undefined, { stateId, boot, life, nextId }: Claim): Promise<boolean> {
    const { changes } = found === undefined
      ? this.database.prepare(
        `insert into aggregated_events_writer (instance, state_id, boot, life, next_id) values (?, ?, ?, ?, ?)
         on conflict (instance) do nothing`,
      ).run(this.instance, stateId, boot, life, nextId)
      : this.database.prepare(
        `update aggregated_events_writer
         set state_id = ?, boot = ?, life = ?, next_id = ?, claimed_at = (julianday('now') - 2440587.5) * 86400.0
         where instance = ? and life = ? and next_id = ?`,
      ).run(stateId, boot, life, nextId, this.instance, found.life, found.nextId);
    return Promise.resolve(changes === 1);
  }

  /**
   * Updates the claim within the transaction of a batch. Returns whether it still belongs to this handler.
   */
  moveTo(life: string, nextId: number): boolean {
    return this.database.prepare(
      "update aggregated_events_writer set next_id = max(next_id, ?) where instance = ? and life = ?",
    ).run(nextId, this.instance, life).changes === 1;
  }
}
