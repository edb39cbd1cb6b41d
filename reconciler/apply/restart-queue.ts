/** Runs one restart attempt at a time, in parallel to the publishing loop, with a delay after each failed attempt. */
import { leastOf } from '../../peers/lists.ts';
import { reason } from '../../peers/reasons/reasons.ts';
import { byText, type World } from '../../peers/world.ts';
import { Backoff } from '../../runtime/backoff.ts';
import { wordsOf } from '../../runtime/kube/port.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Wake } from '../../runtime/wake.ts';
import type { GroupPlan, Restart, RolloutInput } from '../plan/restarts/rollout.ts';
import { noteOfBegin } from '../plan/status/restart-notes.ts';
import { FollowUp, type FollowUpOptions, type Job } from './follow-up.ts';
import type { RestartExecutor } from './restart-executor.ts';

export interface RestartQueueOptions extends Omit<FollowUpOptions, 'backoff'> {
  readonly metrics: Metrics;
  readonly restarter: RestartExecutor;
  /** Notified at the end of each job, so that the loop plans again. */
  readonly wake: Pick<Wake, 'notify'>;
}

export class RestartQueue {
  readonly #options: RestartQueueOptions;
  readonly #backoff: Backoff;
  readonly #followUp: FollowUp;
  /**
   * The number of the last turn of each namespace and of each group. Those that had a turn last wait longest, so a tenant
   * with many groups has no more turns than another.
   */
  readonly #turnOf = { namespace: new Map<string, number>(), group: new Map<string, number>() };
  #turns = 0;
  #busy: Promise<void> | undefined;

  constructor(options: RestartQueueOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock);
    this.#followUp = new FollowUp({ ...options, backoff: this.#backoff });
  }

  /** The wait, in ms, until the next look without a change: something is due, or an open entry may have ended. */
  retryInMs(sinceMs?: number): number | undefined {
    const known = [this.#backoff.nextInMs(sinceMs), ...this.#followUp.duesInMs(sinceMs)].filter(
      (ms) => ms !== undefined,
    );
    return known.length === 0 ? undefined : leastOf(known);
  }

  /** True while a restart is being decided, begun, taken back or recorded. */
  get isBusy(): boolean {
    return this.#busy !== undefined;
  }

  /** Resolves when no job runs. */
  async idle(): Promise<void> {
    await this.#busy;
  }

  /** Starts the next job, unless one is running: closes, takes back, or begins a restart. */
  offer(plans: ReadonlyMap<string, GroupPlan>, input: RolloutInput): void {
    if (this.#busy !== undefined) return;
    this.#keep(plans, input.world);
    const next = this.#nextOf([
      ...this.#followUp.due(input),
      ...this.#restartsDue(plans).map((restart) => ({
        group: restart.group,
        namespace: restart.validator.namespace,
        isUrgent: false,
        run: () => this.#attempt(restart, input),
      })),
    ]);
    if (!next) return;
    this.#turns += 1;
    this.#turnOf.namespace.set(next.namespace, this.#turns);
    this.#turnOf.group.set(next.group, this.#turns);
    this.#busy = next.run().finally(() => {
      this.#busy = undefined;
      this.#options.wake.notify();
    });
  }

  /** Forgets groups, namespaces and waiting validators that are gone. */
  #keep(plans: ReadonlyMap<string, GroupPlan>, { namespaces }: World): void {
    this.#options.setbacks.keep(new Set([...plans.values()].flatMap(waitingIn)), new Set(plans.keys()));
    const { namespace: ofNamespace, group: ofGroup } = this.#turnOf;
    for (const group of ofGroup.keys()) if (!plans.has(group)) ofGroup.delete(group);
    for (const namespace of ofNamespace.keys()) if (!namespaces.has(namespace)) ofNamespace.delete(namespace);
  }

  /** An urgent job; else one of the namespace, and there of the group, that has waited longest for its turn. */
  #nextOf(jobs: readonly Job[]): Job | undefined {
    const turnOf = (of: 'namespace' | 'group', job: Job) => this.#turnOf[of].get(job[of]) ?? 0;
    const [next] = jobs.toSorted(
      (a, b) =>
        Number(b.isUrgent) - Number(a.isUrgent) ||
        turnOf('namespace', a) - turnOf('namespace', b) ||
        turnOf('group', a) - turnOf('group', b),
    );
    return next;
  }

  #restartsDue(plans: ReadonlyMap<string, GroupPlan>): Restart[] {
    const restarts = [...plans.values()].flatMap((plan) => plan.restart ?? []);
    return restarts
      .filter((restart) => this.#backoff.isDue(restart.group))
      .sort((a, b) => byText(a.group, b.group));
  }

  async #attempt(restart: Restart, { world }: RolloutInput): Promise<void> {
    const { log, restarter, setbacks } = this.#options;
    const { group, validator } = restart;
    try {
      const attempt = await restarter.attempt(restart);
      if (attempt.kind === 'obstructed') {
        const { retryMs: firstMs } = attempt;
        return setbacks.obstructed(attempt.reason, firstMs === undefined ? {} : { firstMs });
      }
      setbacks.unobstructed(group);
      if (attempt.kind === 'begun') this.#begun(restart, world);
      if (attempt.kind === 'refused') setbacks.refused(validator.key, attempt.reason);
      const isOften = attempt.kind === 'conflict' && setbacks.conflicted(validator.key, attempt.reason);
      if (attempt.kind === 'conflict' && !isOften) this.#backoff.failed(group, false);
      if (attempt.kind === 'changed' || attempt.kind === 'unanswered') this.#backoff.failed(group, false);
    } catch (error) {
      // The failure may be that of the API server, or of this group's namespaces. Other groups find out by their own
      // reads.
      const why = reason('StaleCaches', `live reads of the group failed: ${wordsOf(error)}`);
      setbacks.obstructed(why, { group });
      log.warn({ error, group, reason: why.code }, 'live reads before a restart failed');
    }
  }

  #begun(restart: Restart, world: World): void {
    this.#backoff.succeeded(restart.group);
    this.#options.setbacks.succeeded(restart.validator.key);
    this.#followUp.began(restart.token);
    // The journal in the cache is a moment behind, and the next plan must see the open entry.
    this.#backoff.putOff(restart.group, 1_000);
    const { kind, drift } = restart;
    this.#options.metrics.count('stellar_peers_restarts_total', { kind, drift });
    this.#options.reporter.tell(world, restart.validator.key, {
      type: 'Normal',
      action: 'Restart',
      reason: 'Restarting',
      note: noteOfBegin(
        kind,
        drift,
        restart.pods.map((pod) => pod.name),
      ),
    });
  }
}

const waitingIn = ({ restart, holds }: GroupPlan) => [
  ...holds.keys(),
  ...(restart ? [restart.validator.key] : []),
];
