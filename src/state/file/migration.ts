import { MIGRATIONS } from "./schema.ts";
import type { Seal } from "./seal.ts";
import type { SealedDatabase } from "./seal_error.ts";

/**
 * Migrates a state of an earlier schema to the present one, within the transaction of the caller. The caller
 * has compared the state with its seal before, and seals the transaction afterwards.
 */
export function migrate(
  database: SealedDatabase & { exec(sql: string): void },
  seal: Seal,
  version: number,
): void {
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.run("UPDATE meta SET value = ? WHERE key = 'schema_version'", String(MIGRATIONS.length));
  seal.sealAnew();
}
