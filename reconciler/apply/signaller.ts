/**
 * Tells running validators of new peers over stellar-core's HTTP port, and asks them for their connections. Its memory
 * only saves calls: a new leader that sends all signals again does no harm.
 */
import { leastOf } from '../../peers/lists.ts';
import { type Key, namespaceOf } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type CoreClient, CoreError } from '../../runtime/core-client.ts';
import type { Log } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Wake } from '../../runtime/wake.ts';
import type { Connections } from '../plan/publish/overview.ts';
import type { EvidenceByPod } from '../plan/signals/evidence.ts';
import {
  dialsToSignal,
  evidenceOf,
  newState,
  noteAnswer,
  noteDeclined,
  noteFailure,
  noteSignalled,
  noteVisit,
  refresh,
  type SignalState,
} from '../plan/signals/signal-state.ts';
import type { Dial, SignalScope } from '../plan/signals/signal-targets.ts';
import { showPorts } from '../report/port-gauges.ts';

/** How many validators are called at the same time. Each gets one call at a time. */
const CALLS_AT_ONCE = 8;
/** A visit that takes longer leaves further peers to the next one: slow answers must not keep other ports waiting. */
const VISIT_MS_MAX = 5_000;

export interface SignallerOptions {
  readonly core: CoreClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pollMs: number;
  /** Notified when a connection, a link or the state of a port has changed. */
  readonly wake: Pick<Wake, 'notify'>;
}

export class Signaller {
  readonly #options: SignallerOptions;
  readonly #states = new Map<string, SignalState>();
  /** The visits under way, and the namespace of each. */
  readonly #visits = new Map<Promise<void>, string>();
  #cancelTimer: () => void = () => undefined;
  #stopped = false;

  constructor(options: SignallerOptions) {
    this.#options = options;
  }

  mayListen = (process: string): boolean => this.#states.get(process)?.phase !== 'closed';

  /** True for a process whose last call was answered. */
  isOpen = (process: string): boolean => {
    const state = this.#states.get(process);
    return state?.phase === 'open' && state.failures === 0;
  };

  /** Replaces the targets, forgets processes that are gone, and begins the calls that are due, without waiting. */
  offer({ targets, processes }: SignalScope): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const process of this.#states.keys()) {
      if (!processes.has(process)) this.#states.delete(process);
    }
    for (const target of targets) {
      const state = this.#states.get(target.process);
      if (state) refresh(state, target, nowMs);
      else this.#states.set(target.process, newState(target, nowMs));
    }
    this.#measure();
    this.#pump();
  }

  /** The connections of the pods that answer, by pod. */
  get connections(): Connections {
    return new Map(
      [...this.#states.values()].flatMap(({ target, connection }) =>
        connection ? [[target.pod, connection] as const] : [],
      ),
    );
  }

  /** The evidence of links from all ports that answer or have answered, by the UID of the pod. */
  get evidence(): EvidenceByPod {
    const states = [...this.#states.values()];
    return new Map(states.map((state) => [state.target.uid, evidenceOf(state, this.#options.pollMs)]));
  }

  /** StellarNodes with a process whose HTTP port was found closed. */
  get closedNodes(): ReadonlySet<Key> {
    const closed = [...this.#states.values()].filter(({ phase }) => phase === 'closed');
    return new Set(closed.map(({ target }) => target.node));
  }

  /** Begins no more calls; resolves when the calls under way have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await Promise.all(this.#visits.keys());
    this.#states.clear();
    this.#measure();
  }

  #measure(): void {
    const phases = [...this.#states.values()].map(({ phase }) => phase);
    showPorts(this.#options.metrics, phases, this.connections);
  }

  /** Begins the visits that are due, and sets a timer for the next one. */
  #pump(): void {
    this.#cancelTimer();
    if (this.#stopped) return;
    const nowMs = this.#options.clock.monotonicMs();
    while (this.#visits.size < CALLS_AT_ONCE) {
      const next = this.#nextDue(nowMs);
      if (!next) break;
      this.#begin(next);
    }
    const idle = [...this.#states.values()].filter(({ busy }) => !busy);
    const nextAtMs = leastOf(idle.map(({ dueAtMs }) => dueAtMs));
    if (nextAtMs > nowMs && Number.isFinite(nextAtMs)) {
      this.#cancelTimer = this.#options.clock.after(nextAtMs - nowMs, () => this.#pump());
    }
  }

  /**
   * The next process to visit: of those that are due, one of the namespace with the fewest visits under way, and there the
   * one that has waited longest. So slow ports of one tenant do not delay the visits of others.
   */
  #nextDue(nowMs: number): SignalState | undefined {
    const underWay = new Map<string, number>();
    for (const namespace of this.#visits.values())
      underWay.set(namespace, (underWay.get(namespace) ?? 0) + 1);
    let next: SignalState | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const state of this.#states.values()) {
      if (state.busy || state.dueAtMs > nowMs) continue;
      const visits = underWay.get(namespaceOf(state.target.node)) ?? 0;
      if (visits > fewest || (visits === fewest && next && state.dueAtMs >= next.dueAtMs)) continue;
      [next, fewest] = [state, visits];
    }
    return next;
  }

  #begin(state: SignalState): void {
    state.busy = true;
    const visit = this.#visit(state).finally(() => {
      state.busy = false;
      this.#visits.delete(visit);
      this.#pump();
    });
    this.#visits.set(visit, namespaceOf(state.target.node));
  }

  /** One visit: asks for the connections, then sends the signals that are due. Never rejects. */
  async #visit(state: SignalState): Promise<void> {
    const { clock, core, pollMs, wake } = this.#options;
    const before = fingerprintOf(state, pollMs);
    const startedAtMs = clock.monotonicMs();
    try {
      const peers = await core.peers(state.target.host);
      if (!this.#isCurrent(state)) return;
      noteAnswer(state, peers, await core.info(state.target.host), clock.monotonicMs());
      const dials = dialsToSignal(state, clock.monotonicMs(), pollMs);
      for (const dial of dials) {
        await this.#tell(state, dial);
        if (clock.monotonicMs() - startedAtMs > VISIT_MS_MAX) break;
      }
      noteVisit(state, clock.monotonicMs(), { pollMs: clock.jitter(pollMs), told: dials.length });
    } catch (error) {
      if (this.#isCurrent(state)) this.#noteFailure(state, error);
    }
    if (!this.#isCurrent(state) || fingerprintOf(state, pollMs) === before) return;
    this.#measure();
    wake.notify();
  }

  /** False once the process is gone or the signaller is stopped. Then the answer of a call is ignored. */
  #isCurrent(state: SignalState): boolean {
    return !this.#stopped && this.#states.get(state.target.process) === state;
  }

  /** Checks the target again, because it may have changed during the calls before this one. */
  async #tell(state: SignalState, dial: Dial): Promise<void> {
    const { clock, core, log, metrics } = this.#options;
    const { target } = state;
    if (!this.#isCurrent(state) || target.muted) return;
    if (!target.dials.some(({ address }) => address === dial.address)) return;
    // Noted before the answer: a failed signal counts as sent, so that peers that were never tried come first.
    noteSignalled(state, dial, clock.monotonicMs());
    try {
      await core.connect(target.host, dial);
    } catch (error) {
      metrics.count('stellar_peers_signals_total', { result: 'failed' });
      if (!(error instanceof CoreError) || error.fault !== 'declined') throw error;
      // This concerns only one peer, for example because its name does not resolve. The other peers are still sent.
      noteDeclined(state, dial);
      log.warn({ error, pod: target.pod, peer: dial.address }, 'stellar-core did not take a signal');
      return;
    }
    metrics.count('stellar_peers_signals_total', { result: 'told' });
    log.info({ pod: target.pod, peer: dial.address }, 'the validator was told to connect to a peer');
  }

  #noteFailure(state: SignalState, error: unknown): void {
    const { clock, log } = this.#options;
    const { target, failures } = state;
    const refused = error instanceof CoreError && error.fault === 'refused';
    noteFailure(state, refused, clock.monotonicMs());
    if (state.phase === 'closed') {
      log.info(
        { node: target.node, pod: target.pod },
        "the validator's HTTP port is closed to us, so the validator gets no signals",
      );
    } else if (!refused && failures === 0) {
      log.warn({ error, node: target.node, pod: target.pod }, 'a signal failed, retrying');
    }
  }
}

/** A text that changes with everything that others see of a state. */
const fingerprintOf = (state: SignalState, pollMs: number): string =>
  JSON.stringify([state.phase, state.connection, evidenceOf(state, pollMs)]);
