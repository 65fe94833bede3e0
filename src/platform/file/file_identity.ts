/** What has become of a file that is still open. */
export type FileFate = "removed" | "replaced";

/**
 * Tells whether a name still leads to the file that was opened by it. An open file stays usable when its name
 * is removed or given to another file, but what is then written to it is lost without an error.
 */
export class FileIdentity {
  private readonly device: number;
  private readonly inode: number | null;

  /** The identity of the file that has this name now. @throws the file system's error when there is none. */
  constructor(readonly path: string) {
    const { dev, ino } = Deno.statSync(path);
    this.device = dev;
    this.inode = ino;
  }

  /** What has become of the file; undefined: the name still leads to it, or that cannot be told. */
  get fate(): FileFate | undefined {
    try {
      const { dev, ino } = Deno.statSync(this.path);
      return dev === this.device && ino === this.inode ? undefined : "replaced";
    } catch (error) {
      const isGone = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
      return isGone ? "removed" : undefined;
    }
  }
}

/**
 * The files of an open SQLite database in WAL mode: the database, and the log that the latest transactions
 * are in.
 */
export class DatabaseIdentity {
  /** By the name that it was opened by. */
  private readonly database: FileIdentity;
  /** By the name without links. SQLite's other files are beside it. */
  private readonly real: FileIdentity;
  private log: FileIdentity | undefined;

  /**
   * The files of a database that has just been opened by this name. @throws the file system's error when
   * there is none.
   */
  constructor(path: string) {
    this.database = new FileIdentity(path);
    this.real = new FileIdentity(Deno.realPathSync(path));
  }

  /** Whether what lies where the database was is another file by now, or none. */
  get isMoved(): boolean {
    return this.real.fate !== undefined;
  }

  /** The names beside the database that still lead to files of it: its log, and the index of that. */
  get beside(): string[] {
    const { log } = this;
    const hasLog = log !== undefined && log.fate === undefined;
    return hasLog ? ["-wal", "-shm"].map((suffix) => this.real.path + suffix) : [];
  }

  /** What has become of one of the files; undefined: nothing. */
  get fate(): { readonly path: string; readonly fate: FileFate } | undefined {
    this.log ??= identityOf(`${this.real.path}-wal`);
    for (const file of [this.database, this.log]) {
      const fate = file?.fate;
      if (file !== undefined && fate !== undefined) return { path: file.path, fate };
    }
    return undefined;
  }
}

/** Undefined where there is no such file yet. */
function identityOf(path: string): FileIdentity | undefined {
  try {
    return new FileIdentity(path);
  } catch {
    return undefined;
  }
}
