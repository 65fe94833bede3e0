import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { ConnectFault, type ConnectSocket } from "../../../src/platform/net/server_socket.ts";
import { type Lifetime, never } from "../scheduler.ts";
import { type Guest, Link, type LinkOptions } from "./link.ts";

/** A server's end of a connection. */
export interface ServerEnd {
  /** Whether anything can still come or go. */
  readonly isOpen: boolean;
  send(...parts: readonly (string | Uint8Array)[]): void;
  close(): void;
}

/** The network between the product and one server. */
export class SimNetwork {
  /** Until when nobody can connect; simulated time. */
  awayUntilMs = 0;
  private readonly links = new Map<Lifetime, Link[]>();

  /** @param welcome The server meets a client. */
  constructor(
    private readonly options: Omit<LinkOptions, "lifetime" | "crashPoint">,
    private readonly welcome: (end: ServerEnd) => Guest,
  ) {}

  /** What a process connects with. */
  connector(lifetime: Lifetime, crashPoint: (where: string) => void): ConnectSocket {
    const { dice, scheduler } = this.options;
    const links: Link[] = [];
    this.links.set(lifetime, links);
    return (_address, _tls, _maxMs, _clock, signal) => {
      if (lifetime.isOver) return never();
      const { promise, resolve, reject } = Promise.withResolvers<Socket>();
      const calledOff = () => reject(new ConnectFault("connecting was called off", false));
      if (signal.aborted) calledOff();
      signal.addEventListener("abort", calledOff, { once: true });
      scheduler.after(dice.between(0, 5), () => {
        signal.removeEventListener("abort", calledOff);
        if (lifetime.isOver || signal.aborted) return;
        if (scheduler.nowMs < this.awayUntilMs) return reject(new ConnectFault("connection refused", false));
        const link = new Link({ ...this.options, lifetime, crashPoint });
        links.push(link);
        link.accept(this.welcome(endOf(link)));
        resolve(link.socket as unknown as Socket);
      });
      return promise;
    };
  }

  /** A process is dead: its connections end. */
  bury(lifetime: Lifetime): void {
    for (const link of this.links.get(lifetime) ?? []) link.clientGone();
    this.links.delete(lifetime);
  }

  /** The server dies, and is back after a while. */
  cutAll(awayMs: number): void {
    this.awayUntilMs = this.options.scheduler.nowMs + awayMs;
    for (const links of this.links.values()) links.forEach((link) => link.cut());
  }
}

function endOf(link: Link): ServerEnd {
  return {
    get isOpen() {
      return link.isOpen;
    },
    send: (...parts) => link.toClient(Buffer.concat(parts.map((part) => Buffer.from(part as string)))),
    close: () => link.serverEnds(),
  };
}
