import { join } from "node:path";
import { type Partition, type Source, type SourceContext, SourceError } from "../../contract/source.ts";
import { reasonOf } from "../../platform/log/denial.ts";
import { StateLock } from "../../state/file/state_lock.ts";
import { FormatReaders } from "./format_readers.ts";
import { Inbox } from "./inbox.ts";
import { inboxAt, readInboxId, writeInboxId } from "./inbox_identity.ts";
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
  /** Resolves when the listener is as the settings say, or cannot be. */
  private changing: Promise<void> = Promise.resolve();
  /** Listeners that are closed, for another in their stead. */
  private closing = 0;

  /**
   * @param stateDir Where the inbox is. Absolute.
   * @param isListening Whether it listens at all; else the inbox alone is read.
   */
  constructor(
    readonly id: string,
    private config: ListenConfig,
    private readonly stateDir: string,
    readonly isListening: boolean,
  ) {
    this.readers = new FormatReaders(config.events);
  }

  async open(context: SourceContext): Promise<readonly Partition[]> {
    const inbox = this.inbox ??= this.openInbox(context);
    this.context = context;
    await this.changing;
    if (this.isListening) this.listen(inbox, context);
    return [new InboxPartition(inbox, this.readers, context, () => this.listenAgain(inbox, context))];
  }

  /** Tries the address. Where it is taken, the handler of this state must be the one that listens there. */
  async probe(signal: AbortSignal): Promise<string> {
    const { hostname, port, tls, token } = this.config;
    const how = `${tls === undefined ? "without TLS" : "with TLS"}, ${
      token === undefined ? "without a token" : "with a token"
    }`;
    this.assertCertificate(this.config);
    try {
      const listener = Deno.listen({ hostname, port });
      listener.close();
    } catch (error) {
      const holder = StateLock.holder(this.stateDir);
      const isTaken = error instanceof Deno.errors.AddrInUse;
      const log = isTaken && holder !== undefined ? readInboxId(this.inboxPath) : undefined;
      if (log === undefined || await inboxAt(this.config, signal) !== log) throw this.addressError(error);
      return `in use, as it should be: the handler runs, ${holder}; ${how}`;
    }
    return `the address is free; ${how}`;
  }

  /** Another token or certificate takes a listener anew. One that cannot be used changes nothing. */
  change(config: ListenConfig): void {
    const before = this.config;
    const tls = this.usable(config) ? config.tls : before.tls;
    this.config = { ...config, tls };
    const { context, inbox, server } = this;
    if (inbox !== undefined) inbox.maxBytes = config.maxBytes;
    const isOther = JSON.stringify([config.token, tls]) !== JSON.stringify([before.token, before.tls]);
    if (!isOther || server === undefined || inbox === undefined || context === undefined) return;
    this.server = undefined;
    this.closing++;
    this.changing = this.changing.then(async () => {
      await server.close().finally(() => this.closing--);
      this.listen(inbox, context);
    }).catch(({ message }: Error) =>
      context.logger.error("nothing can be received; it is tried again", { error: message })
    );
  }

  async close(): Promise<void> {
    await this.changing.catch(() => {});
    await this.server?.close();
    this.server = undefined;
    this.inbox?.close();
    this.inbox = undefined;
  }

  private get inboxPath(): string {
    return join(this.stateDir, inboxFileName(this.config));
  }

  private openInbox(context: SourceContext): Inbox {
    const path = this.inboxPath;
    try {
      const inbox = Inbox.open(path, this.config.maxBytes);
      try {
        if (readInboxId(path) !== inbox.id) writeInboxId(path, inbox.id);
        if (inbox.gone > 0) {
          context.logger.child("listen").error(
            "the newest records of the inbox are gone: its -wal file is damaged or was removed, or an " +
              "earlier copy was put in its place. Those that were not read before count as lost",
            { inbox: path, records: inbox.gone },
          );
        }
        return inbox;
      } catch (error) {
        // Open, it would be in the way of the next try.
        inbox.close();
        throw error;
      }
    } catch (error) {
      throw new SourceError("unavailable", `the inbox ${path} cannot be opened: ${(error as Error).message}`);
    }
  }

  /** Listens where a change of the settings has failed to. Each read asks. @throws {SourceError} */
  private listenAgain(inbox: Inbox, context: SourceContext): void {
    if (this.isListening && this.closing === 0) this.listen(inbox, context);
  }

  /** Listens, unless it does already. @throws {SourceError} */
  private listen(inbox: Inbox, context: SourceContext): void {
    if (this.server !== undefined) return;
    const logger = context.logger.child("listen");
    this.assertCertificate(this.config);
    try {
      const paths = pushPaths(new RecordCheck(this.readers));
      this.server = new PushServer(this.config, inbox, paths, context.clock.nowMs, logger);
    } catch (error) {
      throw this.addressError(error);
    }
    logger.info("listening for events", { url: this.server.url });
  }

  private usable(config: ListenConfig): boolean {
    try {
      this.assertCertificate(config);
      return true;
    } catch (error) {
      this.context?.logger.error("the listener keeps the certificate that it has", {
        error: (error as Error).message,
      });
      return false;
    }
  }

  /** @throws {SourceError} */
  private assertCertificate({ tls }: ListenConfig): void {
    if (tls === undefined) return;
    try {
      Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls }).close();
    } catch (error) {
      const reason = (error as Error).message.split("\n")[0];
      throw new SourceError(
        "unavailable",
        `${this.id}: it cannot listen: the certificate and its key cannot be used: ${reason}. Look at the ` +
          "files that VABUS_CERT_FILE and VABUS_KEY_FILE name",
      );
    }
  }

  private addressError(error: unknown): SourceError {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "another program listens there. Stop that one, or give VABUS_URL another port"
      : `${reasonOf(error).split("\n")[0]}. Look at VABUS_URL`;
    return new SourceError("unavailable", `${this.id}: it cannot listen: ${reason}`);
  }
}

/** Each address has an inbox of its own. */
function inboxFileName({ hostname, port }: ListenConfig): string {
  return `inbox-${hostname.replace(/[^\w.-]/g, "_")}-${port}.sqlite`;
}
