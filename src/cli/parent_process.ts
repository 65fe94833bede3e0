type Environment = Readonly<Record<string, string | undefined>>;

/** Set for a process whose stdin is a pipe of its parent. It ends when the pipe does, as with the parent. */
export const ENDS_WITH_STDIN = "VABUS_ENDS_WITH_STDIN";

/** Fires when such a parent wants this process to end, or is gone itself; never where there is none. */
export function endOfParent(environment: Environment): AbortSignal {
  const controller = new AbortController();
  if (environment[ENDS_WITH_STDIN] !== undefined) {
    const end = () => controller.abort();
    readToEnd(Deno.stdin.readable).then(end, end);
  }
  return controller.signal;
}

async function readToEnd(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}
