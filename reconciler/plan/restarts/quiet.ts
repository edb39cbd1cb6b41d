/** For how long the membership of a group has been unchanged, as one leader knows it. Pure. */
import type { Changes } from '../../../runtime/kube/membership.ts';

export interface Quiet {
  readonly quietMs: number;
  readonly changingMs: number;
}

/** The start of a new leader counts as a change, because it did not see earlier changes. All times are monotonic. */
export function quietOf(changes: Changes | undefined, startedAtMs: number, nowMs: number): Quiet {
  const lastAtMs = Math.max(changes?.lastAtMs ?? 0, startedAtMs);
  const firstAtMs = Math.max(changes?.firstAtMs ?? 0, startedAtMs);
  return { quietMs: nowMs - lastAtMs, changingMs: lastAtMs - firstAtMs };
}
