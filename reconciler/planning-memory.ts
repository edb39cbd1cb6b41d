/** The leader's memory, which can only delay a restart, and the input of each plan, cached or live. */
import type { Discovery } from '../peers/discovery/discover.ts';
import { reason } from '../peers/reasons/reasons.ts';
import type { World } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Caches } from '../runtime/kube/caches.ts';
import type { MembershipCache } from '../runtime/kube/membership.ts';
import type { JournalStore } from './apply/journal-store.ts';
import { ListedMemory } from './plan/restarts/listed-memory.ts';
import { LivenessMemory, liveDigests } from './plan/restarts/liveness.ts';
import { quietOf } from './plan/restarts/quiet.ts';
import { ReadyMemory } from './plan/restarts/ready-memory.ts';
import type { RolloutInput, RolloutSettings } from './plan/restarts/rollout.ts';
import type { SetbackLookup } from './plan/restarts/setbacks.ts';

/** With caches older than this, nothing is restarted. */
const STALE_MS_MAX = 30_000;
/** How soon to look again while the caches are older than that. */
const STALE_RETRY_MS = 1_000;

export interface PlanningMemoryOptions {
  readonly clock: Clock;
  readonly caches: Caches;
  readonly memberships: MembershipCache;
  readonly settings: RolloutSettings;
  readonly journal: JournalStore;
  readonly setbacks: SetbackLookup;
}

export class PlanningMemory {
  readonly #options: PlanningMemoryOptions;
  readonly #startedAtMs: number;
  readonly #liveness: LivenessMemory;
  readonly #ready = new ReadyMemory();
  readonly #listed = new ListedMemory();

  constructor(options: PlanningMemoryOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonicMs();
    this.#liveness = new LivenessMemory(this.#startedAtMs);
  }

  leadsForMs(): number {
    return this.#options.clock.monotonicMs() - this.#startedAtMs;
  }

  /** Remembers which pods run, since when they are Ready, and since when each list has named each peer. */
  observe(): void {
    const { caches, clock, memberships } = this.#options;
    this.#liveness.observe(caches.world, memberships.discovery(), clock.monotonicMs());
    this.#ready.observe(caches.world.pods.values(), clock.monotonicMs());
    this.#listed.observe(caches.world);
  }

  /** The input of a plan on `world`, without withdrawn intents, which the caches may still show in the journal. */
  inputFor(world: World, discovery: Discovery): RolloutInput {
    const { caches, clock, journal, memberships, settings, setbacks } = this.#options;
    const nowMs = clock.monotonicMs();
    const isStale = caches.staleMs() > STALE_MS_MAX;
    return {
      world: { ...world, journal: journal.withoutWithdrawn(world.journal) },
      discovery,
      liveness: this.#liveness.at(nowMs, liveDigests(world, discovery)),
      settings,
      setbacks: isStale ? whileStale(setbacks) : setbacks,
      nowMs: clock.nowMs(),
      quiet: (group) => quietOf(memberships.membershipChanges(group), this.#startedAtMs, nowMs),
      readyForMs: this.#ready.readyForMsAt(nowMs),
      downForMs: this.#ready.downForMsAt(nowMs),
      listedSinceMs: this.#listed.sinceMs,
    };
  }
}

/** While a cache is behind, every restart waits. */
const whileStale = (setbacks: SetbackLookup): SetbackLookup => ({
  of: (key) => setbacks.of(key),
  ofUndo: (key) => setbacks.ofUndo(key),
  ofAll: () => ({ reason: reason('StaleCaches'), dueInMs: STALE_RETRY_MS }),
});
