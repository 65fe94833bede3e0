import { join } from "node:path";
import { type Partition, type Source, type SourceContext, SourceError } from "../../contract/source.ts";
import { StateLock } from "../../state/file/state_lock.ts";
import { FormatReaders } from "./format_readers.ts";
import { Inbox } from "./inbox.ts";
import { InboxPartition } from "./inbox_partition.ts";
import type { ListenConfig } from "./listen_config.ts";
import { pushPaths } from "./push_paths.ts";
import { PushServer } from "./push_server.ts";
import { RecordCheck } from "./record_check.ts";

/** The handler as its own bus: what others send is kept in an inbox, and read from there. */
export class ListenSource implements Source {
  private readonly readers: FormatReaders;
  private inbox: Inbox | undefined;
  private server: PushServer | undefined;
  private context: SourceContext | undefined;
  /** Resolves when the listener is as the settings say. */
  private changing: Promise<void> = Promise.resolve();

  /**
   * @param stateDir Where the inbox is. Absolute.
   * @param isListening Whether it listens at all; else the inbox alone is read.
   */
  constructor(
    readonly id: string,
    private config: ListenConfig,
    private readonly stateDir: string,
    private readonly isListening: boolean,
  ) {
    this.readers = new FormatReaders(config.events);
  }

  async open(context: SourceContext): Promise<readonly Partition[]> {
    const inbox = this.inbox ??= this.openInbox();
    this.context = context;
    await this.changing;
    if (this.isListening) this.listen(inbox, context);
    return [new InboxPartition(inbox, this.readers, context)];
  }

  /** Tries the address. Where the handler of this state runs, it is the one that has it. */
  probe(): Promise<string> {
    const { hostname, port, tls, token } = this.config;
    const how = `${tls === undefined ? "without TLS" : "with TLS"}, ${
      token === undefined ? "without a token" : "with a token"
    }`;
    try {
      const listener = Deno.listen({ hostname, port });
      listener.close();
    } catch (error) {
      const holder = StateLock.holder(this.stateDir);
      const isTaken = error instanceof Deno.errors.AddrInUse;
      if (!isTaken || holder === undefined) return Promise.reject(this.addressError(error));
      return Promise.resolve(`in use, as it should be: the handler runs, ${holder}; ${how}`);
    }
    return Promise.resolve(`the address is free; ${how}`);
  }

  /** Another token or certificate takes a listener anew. */
  change(config: ListenConfig): void {
    const isOther = JSON.stringify([config.token, config.tls]) !==
      JSON.stringify([this.config.token, this.config.tls]);
    this.config = config;
    const { context, inbox, server } = this;
    if (inbox !== undefined) inbox.maxBytes = config.maxBytes;
    if (!isOther || server === undefined || inbox === undefined || context === undefined) return;
    this.server = undefined;
    this.changing = this.changing.then(async () => {
      await server.close();
      this.listen(inbox, context);
    }).catch((error) => context.logger.error("nothing can be received", { error: (error as Error).message }));
  }

  async close(): Promise<void> {
    await this.changing.catch(() => {});
    await this.server?.close();
    this.server = undefined;
    this.inbox?.close();
    this.inbox = undefined;
  }

  private openInbox(): Inbox {
    const path = join(this.stateDir, inboxFileName(this.config));
    try {
      return Inbox.open(path, this.config.maxBytes);
    } catch (error) {
      throw new SourceError("unavailable", `the inbox ${path} cannot be opened: ${(error as Error).message}`);
    }
  }

  /** Listens, unless it does already. @throws {SourceError} */
  private listen(inbox: Inbox, context: SourceContext): void {
    if (this.server !== undefined) return;
    const logger = context.logger.child("listen");
    try {
      const paths = pushPaths(new RecordCheck(this.readers));
      this.server = new PushServer(this.config, inbox, paths, context.clock.nowMs, logger);
    } catch (error) {
      throw this.addressError(error);
    }
    logger.info("listening for events", { url: this.server.url });
  }

  private addressError(error: unknown): SourceError {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "another program listens there. Stop that one, or give VABUS_URL another port"
      : `${(error as Error).message.split("\n")[0]}. Look at VABUS_URL and at the files of the certificate`;
    return new SourceError("unavailable", `${this.id}: it cannot listen: ${reason}`);
  }
}

/** Each address has an inbox of its own. */
function inboxFileName({ hostname, port }: ListenConfig): string {
  return `inbox-${hostname.replace(/[^\w.-]/g, "_")}-${port}.sqlite`;
}
