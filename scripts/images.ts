/** A container image that a file of ours is made of or starts. */
export interface Image {
  /** `registry/name`. */
  readonly name: string;
  readonly tag: string;
  /** `sha256:…`; undefined: whatever the tag leads to. */
  readonly digest: string | undefined;
}

/** What names images of others. */
export const FILES_WITH_IMAGES = ["Dockerfile", "deploy/compose.yaml"];

/** `FROM image`, `image: image`; one without a tag or a hash is our own, or one that an earlier stage has made. */
const REFERENCE = /^(\s*(?:FROM|image:) +)([\w./-]+?):([\w.-]+)(?:@(sha256:[0-9a-f]{64}))?(?=\s|$)/gm;

export function imagesIn(text: string): Image[] {
  return [...text.matchAll(REFERENCE)].map(([, , name, tag, digest]) => ({ name: name!, tag: tag!, digest }));
}

/** The text with a hash behind each tag, the tag left for people to read. */
export function pinned(text: string, digestOf: (image: Image) => string): string {
  return text.replace(
    REFERENCE,
    (_, before: string, name: string, tag: string, digest?: string) =>
      `${before}${name}:${tag}@${digestOf({ name, tag, digest })}`,
  );
}
