/** What the gateway's events are called: the measurement and field of its lines. */
export const GATEWAY_NAME = "press.temperature";
const MACHINES = 4;
/** How often it pushes. */
const INTERVAL_MS = 1000;

/**
 * A gateway of the simulated plant that has no bus: it pushes lines of line protocol to the handler, as
 * Telegraf would.
 */
export class DemoGateway {
  private nextMs = -Infinity;
  private hasPushed = false;

  /** @param url Of the handler's listener. */
  constructor(private readonly url: string, private readonly random: () => number) {}

  /**
   * Pushes a line for each machine, where it is time. Returns the number of events.
   *
   * @param nowMs Monotonic clock.
   * @throws {Error} The listener does not accept them.
   */
  async pushWhenDue(nowMs: number, signal: AbortSignal): Promise<number> {
    if (nowMs < this.nextMs) return 0;
    this.nextMs = nowMs + INTERVAL_MS;
    const lines = Array.from({ length: MACHINES }, (_, machine) => {
      const temperature = 60 + 10 * machine + 5 * this.random();
      return `press,machine=${machine + 1} temperature=${temperature.toFixed(2)} ${Date.now()}`;
    });
    let reply: Response;
    try {
      reply = await fetch(`${this.url}/write?precision=ms`, { method: "POST", body: lines.join("\n") });
    } catch (error) {
      // The handler does not listen yet, or no longer.
      if (!this.hasPushed || signal.aborted) return 0;
      throw error;
    }
    await reply.body?.cancel();
    // The inbox is full for now: a gateway goes on with its next values.
    if (reply.status === 429) return 0;
    if (!reply.ok) throw new Error(`the demo's listener answered ${reply.status} to its lines`);
    this.hasPushed = true;
    return lines.length;
  }
}
