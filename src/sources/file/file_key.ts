/** Tells files apart that there are at the same time. */
export interface FileKey {
  readonly device: number;
  readonly inode: number;
}

/** As a text. */
export function keyOf({ device, inode }: FileKey): string {
  return `${device}:${inode}`;
}
