import type { Buffer } from "node:buffer";
import type { Dice } from "../dice.ts";
import type { Lifetime, Scheduler } from "../scheduler.ts";
import type { WireRates } from "./wire_rates.ts";
import { SimSocket } from "./sim_socket.ts";

/** What a server hears of a client. */
export interface Guest {
  /** @param bytes In pieces of any length. */
  take(bytes: Buffer): void;
  /** The connection is no more. */
  left(): void;
}

/** The surroundings of a connection. */
export interface LinkOptions {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly rates: () => WireRates;
  readonly lifetime: Lifetime;
  /** A moment at which the product's process may die. */
  readonly crashPoint: (where: string) => void;
}

const LATENCY_MAX_MS = 5;
const HICCUP_MAX_MS = 2000;
/** How long one side may take the other one for alive after the connection has broken. */
const UNNOTICED_MAX_MS = 3000;

/**
 * A connection between the product and a server. Bytes keep their order and may come in pieces. It may break
 * at any piece: then what is on its way is lost, and the two sides see it at different times.
 */
export class Link {
  readonly socket = new SimSocket(this);
  private guest: Guest | undefined;
  private isBroken = false;
  private hasLeft = false;
  /** When the last piece on its way to each side arrives. */
  private busyUntilMs = { server: 0, client: 0 };

  constructor(private readonly options: LinkOptions) {}

  /** The server takes the connection. */
  accept(guest: Guest): void {
    this.guest = guest;
  }

  get isOpen(): boolean {
    return !this.isBroken && !this.hasLeft;
  }

  toServer(bytes: Buffer): void {
    const { crashPoint, lifetime } = this.options;
    if (lifetime.isOver) return;
    crashPoint("wire: before something is sent");
    if (lifetime.isOver) return;
    this.pass("server", bytes, (piece) => {
      if (!this.hasLeft) this.guest?.take(piece);
    });
    crashPoint("wire: something is on its way");
  }

  toClient(bytes: Buffer): void {
    const { crashPoint, lifetime } = this.options;
    this.pass("client", bytes, (piece) => {
      if (lifetime.isOver) return;
      this.socket.take(piece);
      crashPoint("wire: something has come");
    });
  }

  /** The client closes it: what it has sent still arrives. */
  clientEnds(): void {
    if (this.options.lifetime.isOver) return;
    this.clientGone();
  }

  /** The client's process is dead. What it has sent still arrives. */
  clientGone(): void {
    const { scheduler } = this.options;
    scheduler.after(this.arrivalAt("server") - scheduler.nowMs, () => {
      this.leave();
      this.tellClient();
    });
  }

  /** The server closes it: what it has sent still arrives. */
  serverEnds(): void {
    const { scheduler } = this.options;
    this.hasLeft = true;
    scheduler.after(this.arrivalAt("client") - scheduler.nowMs, () => this.tellClient());
  }

  /** It breaks. */
  cut(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    const { dice, scheduler } = this.options;
    scheduler.after(dice.between(0, UNNOTICED_MAX_MS), () => this.leave());
    scheduler.after(dice.between(0, LATENCY_MAX_MS), () => this.tellClient());
  }

  private pass(side: "server" | "client", bytes: Buffer, arrive: (piece: Buffer) => void): void {
    const { dice, rates, scheduler } = this.options;
    if (this.isBroken) return;
    if (dice.chance(rates().cut)) return this.cut();
    const at = dice.chance(0.1) ? dice.between(0, bytes.length) : bytes.length;
    for (const piece of [bytes.subarray(0, at), bytes.subarray(at)]) {
      if (piece.length === 0) continue;
      scheduler.after(this.arrivalAt(side) - scheduler.nowMs, () => {
        if (!this.isBroken) arrive(piece);
      });
    }
  }

  private arrivalAt(side: "server" | "client"): number {
    const { dice, rates, scheduler } = this.options;
    const longest = dice.chance(rates().slow) ? HICCUP_MAX_MS : LATENCY_MAX_MS;
    const atMs = Math.max(this.busyUntilMs[side], scheduler.nowMs + dice.between(0, longest));
    return this.busyUntilMs[side] = atMs;
  }

  private leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    this.guest?.left();
  }

  private tellClient(): void {
    if (!this.options.lifetime.isOver) this.socket.closed();
  }
}
