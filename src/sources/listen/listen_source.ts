import { join } from "node:path";
import { type Partition, type Source, type SourceContext, SourceError } from "../../contract/source.ts";
import type { Logger } from "../../platform/log/logger.ts";
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
    if (this.isListening && this.server === undefined) {
      const logger = context.logger.child("listen");
      this.server = this.listen(inbox, context.clock.nowMs, logger);
      logger.info("listening for events", { url: this.server.url });
    }
    return await Promise.resolve([new InboxPartition(inbox, this.readers, context)]);
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

  change(config: ListenConfig): void {
    this.config = config;
    if (this.inbox !== undefined) this.inbox.maxBytes = config.maxBytes;
  }

  async close(): Promise<void> {
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

  private listen(inbox: Inbox, nowMs: () => number, logger: Logger): PushServer {
    try {
      const paths = pushPaths(new RecordCheck(this.readers));
      return new PushServer(this.config, inbox, paths, nowMs, logger);
    } catch (error) {
      throw this.addressError(error);
    }
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
