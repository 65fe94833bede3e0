/** A container image that one of our files builds on or starts. */
export interface Image {
  /** `registry/name`. */
  readonly name: string;
  readonly tag: string;
  /** `sha256:…`; undefined: the tag decides. */
  readonly digest: string | undefined;
}

/** The files that name images of others. */
export const FILES_WITH_IMAGES = ["Dockerfile", "deploy/compose.yaml"];

/** `FROM image`, `image: image`. An image without a tag or a hash is our own, or an earlier build stage. */
const REFERENCE = /^(\s*(?:FROM|image:) +)([\w./-]+?):([\w.-]+)(?:@(sha256:[0-9a-f]{64}))?(?=\s|$)/gm;

export function imagesIn(text: string): Image[] {
  return [...text.matchAll(REFERENCE)].map(([, , name, tag, digest]) => ({ name: name!, tag: tag!, digest }));
}

/** The text with a hash behind each tag. The tag stays for people. */
export function pinned(text: string, digestOf: (image: Image) => string): string {
  return text.replace(
    REFERENCE,
    (_, before: string, name: string, tag: string, digest?: string) =>
      `${before}${name}:${tag}@${digestOf({ name, tag, digest })}`,
  );
}
