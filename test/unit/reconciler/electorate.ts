/**
 * Replicas that stand for election over one API server in memory, on one clock, each with a network of its own.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Leader } from '../../../reconciler/leader/leader.ts';
import { type Kube, KubeError } from '../../../runtime/kube/port.ts';
import { Leases, type ObjectRef } from '../../../runtime/kube/resources.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';

export const LEASE_MS = 15_000;
export const REQUEST_MS = 5_000;
export const LEASE: ObjectRef = { resource: Leases, namespace: 'stellar-peers', name: 'stellar-peers' };

/** The fate of one request: the delay of the request, the delay of its answer, and whether each arrives. */
export interface Travel {
  readonly thereMs: number;
  readonly backMs: number;
  readonly lost: 'no' | 'request' | 'answer';
}

const AT_ONCE: Travel = { thereMs: 0, backMs: 0, lost: 'no' };

/** The API server as one replica sees it. No request takes longer than its timeout, as far as the replica knows. */
function overNetwork(kube: Kube, clock: ManualClock, next: () => Travel): Kube {
  const send = async <T>(request: () => Promise<T>): Promise<T> => {
    const { thereMs, backMs, lost } = next();
    const timedOut = async (): Promise<never> => {
      await clock.sleep(REQUEST_MS);
      // After a long sleep of the process, an answer that has arrived meanwhile is taken first.
      for (let count = 0; count < 4; count += 1) await turn();
      throw new KubeError('no answer', { status: 0 });
    };
    const travel = async (): Promise<T> => {
      await clock.sleep(thereMs);
      if (lost === 'request') return timedOut();
      const answer = await request();
      await clock.sleep(backMs);
      return lost === 'answer' ? timedOut() : answer;
    };
    return Promise.race([travel(), timedOut()]);
  };
  return {
    ...kube,
    get: (ref) => send(() => kube.get(ref)),
    apply: (ref, body, options) => send(() => kube.apply(ref, body, options)),
    replace: (ref, body) => send(() => kube.replace(ref, body)),
  };
}

interface Edges {
  readonly kube: Kube;
  readonly clock: ManualClock;
  readonly onHolderChange: (listener: () => void) => () => void;
}

class Replica {
  readonly name: string;
  readonly leader: Leader;
  readonly log = new CapturedLog();
  /** The number of this replica's terms that run now. More than one would be a defect. */
  terms = 0;
  travel: () => Travel = () => AT_ONCE;
  /** The work that a term still does when it must end. */
  ending: () => Promise<void> = async () => undefined;
  #killed = false;
  #stopped = false;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(name: string, { kube, clock, onHolderChange }: Edges) {
    this.name = name;
    this.leader = new Leader({
      kube: overNetwork(kube, clock, () => (this.#killed ? { ...AT_ONCE, lost: 'request' } : this.travel())),
      clock,
      log: this.log,
      namespace: 'stellar-peers',
      identity: name,
      leaseDurationMs: LEASE_MS,
      requestTimeoutMs: REQUEST_MS,
      onHolderChange,
    });
    this.#ended = this.leader.run((signal) => this.#lead(signal), this.#stop.signal);
  }

  /** True while the replica would begin writes. */
  leads(): boolean {
    return !this.#killed && this.leader.leads();
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Kills the replica, like SIGKILL: no request of it arrives any more. */
  kill(): void {
    this.#killed = true;
  }

  /** Stops the replica, like SIGTERM. Resolves when it has given the Lease back. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    this.#stopped = true;
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.terms += 1;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await this.ending();
    this.terms -= 1;
  }
}

export class Electorate {
  readonly kube = new MemoryKube();
  readonly clock = new ManualClock(Date.parse('2026-06-01T00:00:00Z'));
  readonly replicas: Replica[] = [];

  /** One more replica, which may be told by a watch when the Lease changes hands. */
  join(name: string, { watches = false } = {}): Replica {
    const { kube, clock } = this;
    const onHolderChange = watches ? this.#onHolderChange : () => () => undefined;
    const replica = new Replica(name, { kube, clock, onHolderChange });
    this.replicas.push(replica);
    return replica;
  }

  readonly #onHolderChange = (listener: () => void): (() => void) => {
    let { holderIdentity: known } = this.spec();
    return this.kube.onChange(() => {
      const { holderIdentity } = this.spec();
      if (holderIdentity !== known) listener();
      known = holderIdentity;
    });
  };

  leaders(): string[] {
    return this.replicas.filter((replica) => replica.leads()).map(({ name }) => name);
  }

  spec(): Record<string, unknown> {
    return (this.kube.observe(LEASE)?.spec ?? {}) as Record<string, unknown>;
  }

  /** Runs everything that is due without a change of the clock. Calls `seen` at each turn. */
  async settle(seen: () => void = () => undefined, turns = 8): Promise<void> {
    for (let count = 0; count < turns; count += 1) {
      await turn();
      seen();
    }
  }

  /** Lets time pass in small steps until the condition holds; returns how much passed, at most `limitMs`. */
  async until(condition: () => boolean, limitMs: number, stepMs = 250): Promise<number> {
    const startMs = this.clock.monotonicMs();
    await this.settle();
    while (!condition() && this.clock.monotonicMs() - startMs < limitMs) {
      this.clock.advance(stepMs);
      await this.settle();
    }
    return this.clock.monotonicMs() - startMs;
  }

  end(): void {
    for (const replica of this.replicas) void replica.stop();
  }
}
