/** A node that is to send its birth certificates again. */
export interface RebirthRequest {
  readonly group: string;
  readonly node: string;
}

/** A node is asked again after this time, and after twice the time each time that it was not born. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 600_000;
/** All nodes together are asked so often. A birth may be long, and all of a plant may be unknown at first. */
const PER_SECOND = 20;
/** Nodes that are remembered. Whoever is not is asked when its next message comes. */
const NODES_MAX = 20_000;

interface AskedNode extends RebirthRequest {
  isWanted: boolean;
  /** Not before, by the monotonic clock, ms. */
  notBeforeMs: number;
  pauseMs: number;
}

/** Decides when which node is asked for its birth certificates, so that no node is asked too often. */
export class RebirthRequests {
  private readonly nodes = new Map<string, AskedNode>();
  private secondMs = -Infinity;
  private inSecond = 0;

  /** A certificate of the node is needed. */
  want(group: string, node: string): void {
    const key = `${group}/${node}`;
    const asked = this.nodes.get(key);
    if (asked !== undefined) asked.isWanted = true;
    else if (this.nodes.size < NODES_MAX) {
      const first = { isWanted: true, notBeforeMs: -Infinity, pauseMs: FIRST_PAUSE_MS };
      this.nodes.set(key, { group, node, ...first });
    }
  }

  /**
   * The nodes to ask now.
   *
   * @param nowMs Monotonic clock.
   */
  due(nowMs: number): RebirthRequest[] {
    const due: RebirthRequest[] = [];
    if (nowMs - this.secondMs >= 1000) {
      this.secondMs = nowMs;
      this.inSecond = 0;
    }
    for (const [key, asked] of this.nodes) {
      // One that has been left in peace for long was born.
      if (!asked.isWanted && nowMs >= asked.notBeforeMs + asked.pauseMs) this.nodes.delete(key);
      if (!asked.isWanted || nowMs < asked.notBeforeMs) continue;
      if (this.inSecond >= PER_SECOND) break;
      this.inSecond++;
      asked.isWanted = false;
      asked.notBeforeMs = nowMs + asked.pauseMs;
      asked.pauseMs = Math.min(LONGEST_PAUSE_MS, asked.pauseMs * 2);
      due.push({ group: asked.group, node: asked.node });
    }
    return due;
  }
}
