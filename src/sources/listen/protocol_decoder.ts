import type { PushProtocol } from "../../codec/push.ts";
import { PushError } from "../../codec/push_error.ts";
import type { Steps } from "../../platform/clock/steps.ts";
import type { Answer, Decoded, Push, PushPath } from "./decoder.ts";

/** A protocol whose requests have no records: they become events of protocol v1. */
export class ProtocolDecoder implements PushPath {
  readonly ownEncoding: string | undefined;

  constructor(private readonly protocol: PushProtocol) {
    this.ownEncoding = protocol.encoding;
  }

  *decode({ body, headers, digest }: Push): Steps<Decoded> {
    const type = headers.get("content-type") ?? undefined;
    const contents = { digest: yield* digest(), isCertain: true };
    try {
      const { runs, answer, refused } = yield* this.protocol.read(body, type);
      return {
        runs: runs.map((records) => ({ format: "event", topic: undefined, records })),
        answer,
        refused,
        contents,
      };
    } catch (error) {
      if (!(error instanceof PushError)) throw error;
      const { status, message } = error;
      return { runs: [], answer: this.protocol.refusal(status, message, type), refused: message };
    }
  }

  refuse(status: number, message: string, headers: Headers): Answer {
    return this.protocol.refusal(status, message, headers.get("content-type") ?? undefined);
  }
}
