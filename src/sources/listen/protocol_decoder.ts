import type { PushProtocol } from "../../codec/push.ts";
import { PushError } from "../../codec/push_error.ts";
import type { Answer, Decoded, Push, PushPath } from "./decoder.ts";

/** A protocol whose requests have no records: they become events of protocol v1. */
export class ProtocolDecoder implements PushPath {
  readonly ownEncoding: string | undefined;

  constructor(private readonly protocol: PushProtocol) {
    this.ownEncoding = protocol.encoding;
  }

  decode({ body, headers }: Push): Decoded {
    const type = headers.get("content-type") ?? undefined;
    try {
      const { bytes, ends, answer, refused } = this.protocol.read(body, type);
      const run = { format: "event", topic: undefined, records: { bytes, ends } } as const;
      return { runs: ends.length === 0 ? [] : [run], answer, refused };
    } catch (error) {
      if (!(error instanceof PushError)) throw error;
      const { status, message } = error;
      return { runs: [], answer: this.protocol.refusal(status, message, type), refused: message };
    }
  }

  refuse(status: number, message: string): Answer {
    return this.protocol.refusal(status, message, undefined);
  }
}
