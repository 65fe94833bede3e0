import type { Steps } from "../platform/clock/steps.ts";

/** An answer to a request. */
export interface PushAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Some records of protocol v1, joined by commas. */
export interface PushedRecords {
  readonly bytes: Uint8Array;
  /** Where each record ends; the next one begins after a comma. */
  readonly ends: Uint32Array;
}

/** What a request pushes, and how it is answered once its events are on disk. */
export interface Push {
  /** All of its records, in their order. */
  readonly runs: readonly PushedRecords[];
  readonly answer: PushAnswer;
  /** What of the request was refused, for people; undefined: nothing. */
  readonly refused: string | undefined;
}

/** A way to push events in requests that are not records themselves. */
export interface PushProtocol {
  /** A `Content-Encoding`, in lower case, whose bodies are read as they come; gzip is taken off before. */
  readonly encoding?: string;
  /**
   * @param contentType Undefined: the request does not say.
   * @throws {PushError} Nothing is taken.
   */
  read(body: Uint8Array, contentType: string | undefined): Steps<Push>;
  /** The answer to a request of which nothing was taken. */
  refusal(status: number, message: string, contentType: string | undefined): PushAnswer;
}

/** A media type in lower case without its parameters, and the parameters in the spelling they came in. */
export function mediaType(
  text = "",
): { readonly type: string; readonly parameter: (name: string) => string | undefined } {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  return {
    type: type.toLowerCase(),
    parameter: (name) => {
      const found = parameters.find((part) => part.toLowerCase().startsWith(`${name}=`));
      return found?.slice(name.length + 1).replace(/^"(.*)"$/, "$1");
    },
  };
}
