import type { Pointer } from "../codec/mapping/template.ts";
import { Cannot } from "./cannot.ts";
import { quoted } from "./sql_text.ts";

/** A part of a record: what a column, or a field of one, holds. */
interface Part {
  /** Undefined: it is an object with the `fields`. */
  readonly type: string | undefined;
  readonly fields: Map<string, Part>;
}

/** The columns that Flink's format `json` needs to read the parts of a record that are pointed to. */
export class RecordColumns {
  private readonly root = new Map<string, Part>();

  /**
   * Adds what is pointed to, and returns the expression that reads it.
   *
   * @throws {Cannot} The format has no such columns.
   */
  add({ tokens, text }: Pointer, type: string): string {
    if (tokens.some((token) => token === "" || /^\d+$/.test(token))) {
      throw new Cannot(
        `Flink's format json reads no element of an array and no field without a name: ${text}.`,
      );
    }
    let fields = this.root;
    for (const [depth, token] of tokens.entries()) {
      const isLast = depth === tokens.length - 1;
      const known = fields.get(token);
      const part = known ?? { type: isLast ? type : undefined, fields: new Map<string, Part>() };
      if (known !== undefined && known.type !== (isLast ? type : undefined)) {
        throw new Cannot(
          `Flink's format json reads a part of a record in one way only: ${text} is read in two.`,
        );
      }
      fields.set(token, part);
      fields = part.fields;
    }
    return tokens.map(quoted).join(".");
  }

  /** The definitions, for CREATE TABLE. */
  definitions(): string[] {
    return [...this.root].map(([name, part]) => `${quoted(name)} ${typeOf(part)}`);
  }
}

function typeOf({ type, fields }: Part): string {
  if (type !== undefined) return type;
  return `ROW<${[...fields].map(([name, part]) => `${quoted(name)} ${typeOf(part)}`).join(", ")}>`;
}
