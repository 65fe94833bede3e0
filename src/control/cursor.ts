import * as z from "zod";

/** Longer than any cursor: a series has a name and labels of 2,048 bytes at most. */
const CURSOR_MAX_CHARACTERS = 8192;

const NO_CURSOR = "is no cursor: take `next` of the page before as it is";

/** Where a page of a list ends, as text for who asks for the next one. It means nothing to anybody else. */
export function cursorText(position: unknown): string {
  return new TextEncoder().encode(JSON.stringify(position)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
}

/** The type of a cursor, read from its text. */
export function cursorOf<T>(position: z.ZodType<T>): z.ZodType<T, string> {
  const text = z.string().max(CURSOR_MAX_CHARACTERS).regex(/^[A-Za-z0-9_-]+$/, NO_CURSOR);
  return text.transform((text, context) => {
    const { success, data } = position.safeParse(parsed(text));
    if (success) return data;
    context.addIssue({ code: "custom", message: NO_CURSOR });
    return z.NEVER;
  });
}

function parsed(text: string): unknown {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
