import type { Requirement } from "../access/role.ts";
import { type Refusal, strangerRefusal } from "../platform/http/access.ts";
import { Rarely } from "../platform/http/rarely.ts";
import type { Logger } from "../platform/log/logger.ts";
import { ApiError } from "./api_error.ts";
import type { Caller } from "./endpoint.ts";
import type { Gate } from "./router.ts";

export interface AdminGateOptions {
  /** Host names that clients may use besides those of loopback; in lower case. */
  readonly allowedHosts: readonly string[];
  readonly logger: Logger;
}

/** Decides who is admitted to the admin listener. */
export class AdminGate implements Gate {
  private readonly rarely = new Map<Refusal["cause"], Rarely>();

  constructor(private readonly options: AdminGateOptions) {}

  /** @throws {ApiError} */
  admit(request: Request, requirement: Requirement, from: string): Caller {
    const caller: Caller = { role: "viewer", by: "loopback", from, certificate: undefined };
    if (requirement === "probe") return caller;
    const refusal = strangerRefusal(request, this.options);
    if (refusal === undefined) return caller;
    this.tell(refusal, from);
    throw new ApiError(refusal.status, "forbidden", refusal.message, refusal.headers);
  }

  private tell({ cause, message }: Refusal, from: string): void {
    let rarely = this.rarely.get(cause);
    if (rarely === undefined) this.rarely.set(cause, rarely = new Rarely());
    rarely.happened((count) =>
      this.options.logger.warn("a request was refused", { reason: message, from, count })
    );
  }
}
