import { Buffer } from "node:buffer";
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const PRIVATE_HEAD = "302e020100300506032b657004220420";
const PUBLIC_HEAD_BYTES = 12;
/** The first bits of public keys. */
const KINDS = { O: 14 << 3, A: 0 } as const;

/** A key of NATS that signs JWTs, as `nsc` makes it. Always the same one for a name. */
export class SigningKey {
  private readonly key: KeyObject;

  constructor(private readonly kind: keyof typeof KINDS, name: string) {
    const der = Buffer.concat([Buffer.from(PRIVATE_HEAD, "hex"), createHash("sha256").update(name).digest()]);
    this.key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  }

  /** As servers know it: `O…` or `A…` */
  get publicKey(): string {
    const der = createPublicKey(this.key).export({ format: "der", type: "spki" });
    const bytes = Buffer.concat([Buffer.of(KINDS[this.kind]), der.subarray(PUBLIC_HEAD_BYTES)]);
    const end = Buffer.alloc(2);
    end.writeUInt16LE(checksum(bytes));
    return base32(Buffer.concat([bytes, end]));
  }

  /** A JWT of this issuer. @param subject The public key that it is about. @param nats What it grants. */
  jwt(subject: string, nats: object): string {
    const claims = {
      jti: subject,
      iat: 1_700_000_000,
      iss: this.publicKey,
      name: "test",
      sub: subject,
      nats,
    };
    const text = [{ typ: "JWT", alg: "ed25519-nkey" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${text}.${sign(null, Buffer.from(text), this.key).toString("base64url")}`;
  }
}

function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => ALPHABET[parseInt(five.padEnd(5, "0"), 2)]).join("");
}

/** CRC-16 as XMODEM has it. */
function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc;
}
