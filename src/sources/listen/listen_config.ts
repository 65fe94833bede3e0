import type { EventTexts } from "../../settings/declaration.ts";

/** The settings of a listener. */
export interface ListenConfig {
  /** Host name or address, without brackets. */
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM texts; undefined: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Undefined: everybody who reaches it may send. */
  readonly token: string | undefined;
  /** Of the inbox. */
  readonly maxBytes: number;
  readonly events: EventTexts;
}
