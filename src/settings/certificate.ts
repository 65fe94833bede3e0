import { X509Certificate } from "node:crypto";

/** A file with certificates that a setting names. */
export interface Certificate {
  readonly setting: string;
  /** When it ends to be valid, Unix ms. */
  readonly endMs: number;
}

const BLOCK =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/**
 * When the certificates in a PEM text end to be valid, Unix ms. Of a chain it is the first one's end, since
 * that is the own one; of authorities the last end, since one of them is enough. Undefined: none can be read,
 * which connecting will tell.
 */
export function certificateEnd(pem: string): number | undefined {
  try {
    const [first, ...rest] = (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
    if (first === undefined) return undefined;
    const counted = first.ca ? [first, ...rest] : [first];
    return Math.max(...counted.map(({ validToDate }) => validToDate.getTime()));
  } catch {
    return undefined;
  }
}
