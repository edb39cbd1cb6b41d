/**
 * Remembers since when each group holds pods, which groups are calm (have waited lately), and which StatefulSets stayed
 * unknown. All times are monotonic ms. An entry is removed when its time is over.
 */
import type { Key } from '../../peers/world.ts';
import { GROUP_HOLD_MS, type WaitingFor } from './decision.ts';

/** For how long after a wait a group is calm, and for how long no pod waits again for an unknown StatefulSet. */
const CALM_MS = 60_000;

/** A time during which a group holds pods without a break. */
interface Episode {
  readonly heldAtMs: number;
  waitedForMembers: boolean;
}

export class HoldMemory {
  readonly #episodes = new Map<string, Episode>();
  readonly #calmUntilMs = new Map<string, number>();
  /** Until when no pod waits again for a StatefulSet that stayed unknown. */
  readonly #unknownUntilMs = new Map<Key, number>();

  /** For a pod that is held since `heldAtMs`: since when its group holds pods, and whether the group is calm. */
  recall(
    group: string | undefined,
    heldAtMs: number,
    nowMs: number,
  ): { groupHeldAtMs: number; calm: boolean } {
    // For an unknown group it is not known since when it holds pods. Only the short wait is safe.
    if (group === undefined) return { groupHeldAtMs: heldAtMs, calm: true };
    const episode = this.#episodes.get(group);
    if (episode && nowMs >= episode.heldAtMs + GROUP_HOLD_MS) this.#calmDown(group, nowMs);
    const calm = nowMs < (this.#calmUntilMs.get(group) ?? 0);
    if (!calm) this.#calmUntilMs.delete(group);
    return { groupHeldAtMs: episode?.heldAtMs ?? heldAtMs, calm };
  }

  /** Call when a pod of the group, held since `heldAtMs`, goes on waiting. */
  note(group: string | undefined, heldAtMs: number, reason: WaitingFor): void {
    if (group === undefined || this.#calmUntilMs.has(group)) return;
    const episode = this.#episodes.get(group) ?? { heldAtMs, waitedForMembers: false };
    episode.waitedForMembers ||= reason === 'members';
    this.#episodes.set(group, episode);
  }

  /** Ends the wait of all groups but those in `waiting`, which are the groups of the pods that are held now. */
  endWaits(waiting: ReadonlySet<string | undefined>, nowMs: number): void {
    for (const [group, { waitedForMembers }] of this.#episodes) {
      if (waiting.has(group)) continue;
      if (waitedForMembers) this.#calmDown(group, nowMs);
      else this.#episodes.delete(group);
    }
    forgetBefore(this.#calmUntilMs, nowMs);
    forgetBefore(this.#unknownUntilMs, nowMs);
  }

  #calmDown(group: string, nowMs: number): void {
    this.#episodes.delete(group);
    this.#calmUntilMs.set(group, nowMs + CALM_MS);
  }

  /** Call when a pod has waited for the StatefulSet in vain. */
  rememberUnknown(key: Key, nowMs: number): void {
    this.#unknownUntilMs.set(key, nowMs + CALM_MS);
  }

  stayedUnknown(key: Key, nowMs: number): boolean {
    return nowMs < (this.#unknownUntilMs.get(key) ?? 0);
  }
}

function forgetBefore(untilMs: Map<string, number>, nowMs: number): void {
  for (const [key, atMs] of untilMs) if (atMs <= nowMs) untilMs.delete(key);
}
