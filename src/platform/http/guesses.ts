import { isIPv6 } from "node:net";

/** Wrong tokens that an address may give in a row, as somebody does who sets a client up. */
const BURST = 10;
/** After that, so long for each. */
const REFILL_MS = 1000;
/** Of either table. Who owns more addresses than that has a burst for each. */
const MAX_ADDRESSES = 4096;

interface Bucket {
  /** Wrong tokens that are left. */
  left: number;
  atMs: number;
}

/**
 * Bounds the wrong tokens of each address, over however many connections. A pause before the answer does not do that: who guesses
 * opens more connections, and takes an answer that does not come at once for a no. So beyond the bound a token is not looked at.
 *
 * An address that has once given the right token is looked at always: else one guesser behind a proxy, or on the same host, would
 * shut all others there out.
 */
export class Guesses {
  private readonly buckets = new Map<string, Bucket>();
  private readonly trusted = new Map<string, true>();

  constructor(private readonly nowMs: () => number) {}

  /** Whether a token from there is to be looked at. */
  mayTry(address: string): boolean {
    const network = networkOf(address);
    return this.trusted.has(network) || this.leftOf(network) >= 1;
  }

  failed(address: string): void {
    const network = networkOf(address);
    const left = Math.max(0, this.leftOf(network) - 1);
    renew(this.buckets, network, { left, atMs: this.nowMs() });
  }

  succeeded(address: string): void {
    renew(this.trusted, networkOf(address), true);
  }

  private leftOf(network: string): number {
    const bucket = this.buckets.get(network);
    return bucket === undefined
      ? BURST
      : Math.min(BURST, bucket.left + (this.nowMs() - bucket.atMs) / REFILL_MS);
  }
}

/** Puts it at the end; where there is no room, the one that has been left alone for longest goes. */
function renew<T>(table: Map<string, T>, key: string, value: T): void {
  table.delete(key);
  table.set(key, value);
  if (table.size > MAX_ADDRESSES) table.delete(table.keys().next().value!);
}

/** A host with IPv6 has as many addresses as it likes, all in one /64. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const all = [...groups, ...Array<string>(missing).fill("0"), ...(tail ? tail.split(":") : [])];
  return all.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":");
}
