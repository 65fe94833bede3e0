/** What a caller of the admin listener may do: a viewer reads, an admin also changes. */
export type Role = "viewer" | "admin";

/**
 * What an endpoint asks of its callers.
 *
 * - `probe`: nothing, under whatever host name: a probe for liveness has no token.
 * - `open`: nothing, such as the page that asks for the token.
 * - `metrics`: a viewer; nothing where no token is set, also on an address that other hosts reach.
 * - `viewer`, `admin`: that role.
 */
export type Requirement = "probe" | "open" | "metrics" | Role;

const RANKS: Readonly<Record<Requirement, number>> = { probe: 0, open: 1, metrics: 2, viewer: 2, admin: 3 };

/** Whether a caller with this role may use what asks for that; undefined: a caller without a role. */
export function mayUse(role: Role | undefined, requirement: Requirement): boolean {
  return RANKS[requirement] <= (role === undefined ? RANKS.open : RANKS[role]);
}

/** The least demanding of some requirements; undefined: there are none. */
export function leastOf(requirements: readonly Requirement[]): Requirement | undefined {
  return requirements.toSorted((a, b) => RANKS[a] - RANKS[b])[0];
}
