/** What the gateway's events are called: the measurement and field of its lines. */
export const GATEWAY_NAME = "press.temperature";
const MACHINES = 4;
/** How often it pushes. */
const INTERVAL_MS = 1000;
/** Lines that it keeps while nobody takes them. Then it forgets the oldest. */
const KEPT_LINES = 1200;

/**
 * A gateway of the simulated plant that has no bus: it pushes lines of line protocol to the handler, as
 * Telegraf would. Lines that nobody takes it keeps, and pushes them again.
 */
export class DemoGateway {
  private nextMs = -Infinity;
  private lines: string[] = [];

  /** @param url Of the handler's listener. */
  constructor(private readonly url: string, private readonly random: () => number) {}

  /**
   * Pushes a line for each machine, where it is time. Returns the number of events that were taken.
   *
   * @param nowMs Monotonic clock.
   * @throws {Error} The listener does not accept them.
   */
  async pushWhenDue(nowMs: number, signal: AbortSignal): Promise<number> {
    if (nowMs < this.nextMs) return 0;
    this.nextMs = nowMs + INTERVAL_MS;
    for (let machine = 0; machine < MACHINES; machine++) {
      const temperature = 60 + 10 * machine + 5 * this.random();
      this.lines.push(`press,machine=${machine + 1} temperature=${temperature.toFixed(2)} ${Date.now()}`);
    }
    this.lines = this.lines.slice(-KEPT_LINES);
    let reply: Response;
    try {
      reply = await fetch(`${this.url}/write?precision=ms`, {
        method: "POST",
        body: this.lines.join("\n"),
        signal,
      });
    } catch {
      // The handler does not listen yet, or no longer.
      return 0;
    }
    await reply.body?.cancel();
    // The inbox is full for now.
    if (reply.status === 429 || reply.status === 503) return 0;
    if (!reply.ok) throw new Error(`the demo's listener answered ${reply.status} to its lines`);
    const taken = this.lines.length;
    this.lines = [];
    return taken;
  }
}
