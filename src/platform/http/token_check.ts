import { createHash, timingSafeEqual } from "node:crypto";
import { Guesses } from "./guesses.ts";

export interface TokenCheckOptions {
  /** Resolves after some time; tests replace it. */
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** A clock that never jumps; tests replace it. */
  readonly nowMs?: () => number;
}

/** How long a client with a wrong token waits for the answer. */
const WRONG_TOKEN_PAUSE_MS = 1000;
/** Waiting clients take memory. Beyond this number they are told at once to try again later. */
const MAX_PAUSING = 256;

/** Tells whose token a text is: in the same time for every text, and a bounded number for each address. */
export class TokenCheck<T extends string> {
  private readonly digests: readonly (readonly [owner: T, digest: Uint8Array])[];
  private readonly guesses: Guesses;
  private pausing = 0;

  constructor(
    tokens: Readonly<Partial<Record<T, string | undefined>>>,
    private readonly options: TokenCheckOptions,
  ) {
    this.guesses = new Guesses(options.nowMs ?? (() => performance.now()));
    this.digests = (Object.entries(tokens) as [T, string | undefined][]).flatMap(([owner, token]) =>
      token === undefined ? [] : [[owner, digest(token)] as const]
    );
  }

  /**
   * Whose token the text is.
   *
   * - `wrong`: nobody's; the answer is to be held back.
   * - `guessing`: it was not looked at, since too many wrong ones have come from the address.
   *
   * @param text "": what came cannot be read as a token.
   * @param from Address of the client.
   */
  ownerOf(text: string, from: string): T | "wrong" | "guessing" {
    if (!this.guesses.mayTry(from)) return "guessing";
    const given = digest(text);
    // Every token is compared, so that the time does not tell which of them is meant.
    const owners = this.digests.filter(([, own]) => timingSafeEqual(given, own));
    if (text !== "" && owners.length > 0) {
      this.guesses.succeeded(from);
      return owners[0]![0];
    }
    this.guesses.failed(from);
    return "wrong";
  }

  /** Waits before a wrong token is answered. Returns false where too many wait already: nobody waits then. */
  async holdBack(): Promise<boolean> {
    if (this.pausing >= MAX_PAUSING) return false;
    this.pausing++;
    await (this.options.pause ?? pause)(WRONG_TOKEN_PAUSE_MS);
    this.pausing--;
    return true;
  }
}

/**
 * A hash has the same length for every text, so that the time of a comparison tells nothing about the text.
 */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
