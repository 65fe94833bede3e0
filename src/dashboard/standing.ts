/** Who looks at the page, as `/api/session` says. */
export interface Standing {
  /** Null: nobody has signed in. */
  readonly role: "viewer" | "admin" | null;
  readonly by: "token" | "session" | "loopback" | "nothing";
  /** Whether a token opens a session here. */
  readonly takes_tokens: boolean;
}

/** Whether the user may change anything. Others see no button for it. */
export function mayChange({ role }: Standing): boolean {
  return role === "admin";
}
