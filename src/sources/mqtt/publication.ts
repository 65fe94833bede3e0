import type { Buffer } from "node:buffer";

/** A PUBLISH of the broker. */
export interface Publication {
  readonly topic: string;
  readonly isUtf8: boolean;
  /** Its beginning only, where `length` is greater. */
  readonly payload: Buffer;
  /** Bytes of the payload. */
  readonly length: number;
  readonly qos: 0 | 1 | 2;
  /** 0 where `qos` is 0. */
  readonly id: number;
  /** Whether the broker says that it has sent it before. */
  readonly isRepeated: boolean;
  /** Whether it was kept by the broker, and is sent because of a new subscription. */
  readonly isRetained: boolean;
  /** Its user property of that name, unchecked; undefined: it has none. */
  readonly traceparent?: string | undefined;
  /** The identifiers of the subscriptions that it is sent for; undefined: the broker does not say. */
  readonly subscriptions?: readonly number[] | undefined;
}
