/**
 * The least of many numbers that change one at a time: a tree in which each node has the lesser of its two
 * children.
 */
export class LeastTree {
  /** Leaves in the upper half; the root at 1. */
  private nodes = new Float64Array(2).fill(Infinity);

  /** The least number; Infinity: there are no numbers. */
  get least(): number {
    return this.nodes[1]!;
  }

  set(index: number, value: number): void {
    while (index >= this.room) this.grow();
    const { nodes } = this;
    let node = this.room + index;
    nodes[node] = value;
    for (node >>= 1; node >= 1; node >>= 1) nodes[node] = Math.min(nodes[2 * node]!, nodes[2 * node + 1]!);
  }

  leastWithout(index: number): number {
    const { nodes } = this;
    let least = Infinity;
    for (let node = this.room + index; node > 1; node >>= 1) least = Math.min(least, nodes[node ^ 1]!);
    return least;
  }

  private get room(): number {
    return this.nodes.length / 2;
  }

  private grow(): void {
    const { nodes, room } = this;
    this.nodes = new Float64Array(2 * nodes.length).fill(Infinity);
    for (let index = 0; index < room; index++) this.set(index, nodes[room + index]!);
  }
}
