import { type Source, SourceError } from "../contract/source.ts";

/** What the sources read, to find what two of them read. */
export class SharedContents {
  /** By the names of the sources, as {@link Source.contents}. */
  private readonly bySource = new Map<string, ReadonlyMap<string, string>>();

  /** @param sourceCount One alone is not asked. */
  constructor(private readonly sourceCount: number) {}

  /**
   * Notes what a source would read now. Returns what another one reads too, as the beginning of a sentence;
   * undefined: nothing, or it cannot be told.
   */
  async note(source: Source, signal: AbortSignal): Promise<string | undefined> {
    if (this.sourceCount < 2) return undefined;
    const contents = await ifTold(source.contents?.(signal));
    if (contents === undefined) return undefined;
    this.bySource.set(source.id, contents);
    for (const [reader, others] of this.bySource) {
      if (reader === source.id) continue;
      for (const [content, name] of contents) {
        if (others.has(content)) return `${name} is read by ${reader} too`;
      }
    }
    return undefined;
  }
}

/** What a source tells; undefined: it cannot be reached, or is too old to tell. Reading finds out. */
export async function ifTold<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  return await answer?.catch((error) => {
    if (!(error instanceof SourceError)) throw error;
    return undefined;
  });
}
