import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** The first bits of a user's public key: U. */
const USER = 20 << 3;
/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const PRIVATE_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_HEAD_BYTES = 12;
const SEED = /^SU[A-Z2-7]{56}$/;

/** The key of a user, by which it proves to a server who it is. */
export class NatsKey {
  private constructor(private readonly key: KeyObject) {}

  /** Undefined: the text is no seed of a user. */
  static ofSeed(text: string): NatsKey | undefined {
    if (!SEED.test(text)) return undefined;
    const bytes = base32Decoded(text);
    // Two bytes say what it is, two are the checksum.
    if (bytes.readUInt16LE(34) !== checksum(bytes.subarray(0, 34))) return undefined;
    const der = Buffer.concat([PRIVATE_HEAD, bytes.subarray(2, 34)]);
    return new NatsKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  }

  /** As servers know it: `U…` */
  get publicKey(): string {
    const der = createPublicKey(this.key).export({ format: "der", type: "spki" });
    const bytes = Buffer.concat([Buffer.from([USER]), der.subarray(PUBLIC_HEAD_BYTES)]);
    const end = Buffer.alloc(2);
    end.writeUInt16LE(checksum(bytes));
    return base32(Buffer.concat([bytes, end]));
  }

  /** The signature under what a server has drawn, as the protocol has it. */
  signature(nonce: string): string {
    return sign(null, Buffer.from(nonce), this.key).toString("base64url");
  }
}

function base32Decoded(text: string): Buffer {
  const bytes: number[] = [];
  let [bits, count] = [0, 0];
  for (const digit of text) {
    bits = (bits << 5) | ALPHABET.indexOf(digit);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push((bits >> count) & 0xff);
    bits &= (1 << count) - 1;
  }
  return Buffer.from(bytes);
}

/** @param bytes A multiple of five, as a key with its checksum is. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let [bits, count] = [0, 0];
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += ALPHABET[(bits >> count) & 31];
    }
    bits &= (1 << count) - 1;
  }
  return text;
}

/** CRC-16 with the polynomial 0x1021, as XMODEM has it. */
function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc;
}
