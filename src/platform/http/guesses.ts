import { isIPv6 } from "node:net";

/** Wrong tokens that an address may send in a row, as happens while a client is set up. */
const BURST = 10;
/** After the burst, one wrong token is allowed in this time. */
const REFILL_MS = 1000;
/** Entries of either table. An owner of more addresses has a burst for each. */
const MAX_ADDRESSES = 4096;

interface Bucket {
  /** Wrong tokens that are left. */
  left: number;
  atMs: number;
}

/**
 * Bounds the wrong tokens of each address, over any number of connections. A pause before the answer does not
 * bound them: an attacker opens more connections and takes a missing answer for a no. So tokens beyond the
 * bound are not checked.
 *
 * Tokens from an address that has once sent the right one are always checked. Else one attacker behind a
 * proxy, or on the same host, would lock out everybody else there.
 */
export class Guesses {
  private readonly buckets = new Map<string, Bucket>();
  private readonly trusted = new Map<string, true>();

  constructor(private readonly nowMs: () => number) {}

  /** Whether a token from that address is to be checked. */
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

/**
 * Moves the address to the end. Where there is no room, the address that was used least recently is removed.
 */
function renew<T>(table: Map<string, T>, key: string, value: T): void {
  table.delete(key);
  table.set(key, value);
  if (table.size > MAX_ADDRESSES) table.delete(table.keys().next().value!);
}

/** A host with IPv6 has any number of addresses, all in one /64. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const all = [...groups, ...Array<string>(missing).fill("0"), ...(tail ? tail.split(":") : [])];
  return all.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":");
}
