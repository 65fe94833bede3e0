const WORDS = 65_536 / 32;

/** A set of packet ids: 1 to 65,535. */
export class PacketIds {
  private readonly words = new Uint32Array(WORDS);

  get isEmpty(): boolean {
    return this.words.every((word) => word === 0);
  }

  has(id: number): boolean {
    return (this.words[id >>> 5]! >>> (id & 31) & 1) === 1;
  }

  add(id: number): void {
    this.words[id >>> 5]! |= 1 << (id & 31);
  }

  delete(id: number): void {
    this.words[id >>> 5]! &= ~(1 << (id & 31));
  }

  copy(): PacketIds {
    const copy = new PacketIds();
    copy.words.set(this.words);
    return copy;
  }

  /** Ascending, as single ids and ranges: `1-20,25`. */
  toString(): string {
    const ranges: string[] = [];
    for (let id = 1; id <= 65_535; id++) {
      if (this.words[id >>> 5] === 0) {
        id |= 31;
        continue;
      }
      if (!this.has(id)) continue;
      const first = id;
      while (id < 65_535 && this.has(id + 1)) id++;
      ranges.push(first === id ? `${id}` : `${first}-${id}`);
    }
    return ranges.join(",");
  }

  /** Undefined: the text is none that {@link toString} makes. */
  static parse(text: string): PacketIds | undefined {
    const ids = new PacketIds();
    let least = 1;
    for (const part of text === "" ? [] : text.split(",")) {
      const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
      const [from, to] = [Number(first), Number(last)];
      if (!(from >= least && to >= from && to <= 65_535)) return undefined;
      for (let id = from; id <= to; id++) ids.add(id);
      least = to + 2;
    }
    return ids;
  }
}
