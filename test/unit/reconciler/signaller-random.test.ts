/** Signals in random histories: whatever changes and fails meanwhile, calls keep their rules, and all is told at last. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { World } from '../../../peers/world.ts';
import type { SignalScope, SignalTarget } from '../../../reconciler/plan/signals/signal-targets.ts';
import { CoreError } from '../../../runtime/core-client.ts';
import { runsOf } from '../runs.ts';
import type { Spec } from './group.ts';
import { ipOf, POLL_MS, refusal, Signalling, scopeOf, worldOf } from './signalling.ts';

const NAMES = Array.from('abcdefghij');
const TIMES_MAX = 3;
const FAULTS = { none: undefined, refuse: refusal(), fail: new CoreError('failed', 'no answer') };

const podState = fc.record({
  running: fc.boolean(),
  ready: fc.boolean(),
  paused: fc.boolean(),
  moved: fc.boolean(),
  restarts: fc.nat({ max: 2 }),
  fault: fc.constantFrom(...(['none', 'none', 'refuse', 'fail'] as const)),
});
type PodState = typeof podState extends fc.Arbitrary<infer T> ? T : never;
const step = fc.record({
  pods: fc.array(podState, { minLength: 1, maxLength: NAMES.length }),
  passMs: fc.constantFrom(0, 1_000, 5_000, 60_000, 600_000),
  /** How far the calls get before the next step. */
  turns: fc.nat({ max: 12 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const ipNow = (name: string, moved: boolean): string => (moved ? ipOf(name.toUpperCase()) : ipOf(name));

function worldAt(pods: readonly PodState[]): World {
  const each = pods.map((pod, index) => [NAMES[index] ?? '', pod] as const);
  const paused: Spec = { node: { annotations: { 'stellar.org/peer-rollout': 'paused' } } };
  const specs = Object.fromEntries(each.map(([name, pod]) => [name, pod.paused ? paused : {}]));
  const facts = each.map(([name, { running, ready, moved, restarts }]) => {
    // A pod at another address is another pod.
    const uid = moved ? `moved-${name}` : `pod-${name}`;
    return [name, { running, ready, uid, ip: ipNow(name, moved), containerRestarts: restarts }] as const;
  });
  return worldOf(specs, Object.fromEntries(facts));
}

/** Checks every call as it begins against what was offered last. */
class Judged extends Signalling {
  #offered: SignalScope = { targets: [], processes: new Set() };
  #faults = new Map<string, keyof typeof FAULTS>();
  /** By process, how often each address was told while it could be dialled. */
  readonly #told = new Map<string, Map<string, number>>();
  readonly broken: string[] = [];
  stopped = false;

  constructor() {
    super();
    const { cores } = this;
    const { peers, info, connect } = cores;
    cores.peers = (host) => {
      this.#judge(host);
      return peers(host);
    };
    cores.info = (host) => {
      this.#judge(host);
      return info(host);
    };
    cores.connect = (host, peer) => {
      this.#judgeTelling(this.#judge(host), `${peer.host}:${peer.port}`);
      return connect(host, peer);
    };
    cores.answer = (call) => {
      const fault = FAULTS[this.#faults.get(call.split(' ')[0] ?? '') ?? 'none'];
      if (fault) throw fault;
    };
  }

  take({ pods }: Pick<Step, 'pods'>): void {
    this.#faults = new Map(pods.map(({ fault, moved }, index) => [ipNow(NAMES[index] ?? '', moved), fault]));
    this.#offered = scopeOf(worldAt(pods), this.signaller.mayListen);
    this.#forget();
    this.signaller.offer(this.#offered);
  }

  /** Peers that a process that listens was neither told of often enough nor is connected to. */
  missing(): string[] {
    return this.open().flatMap(({ host, process, dials }) =>
      dials
        .filter(({ address }) => !this.cores.connected.get(host)?.has(address))
        .filter(({ address }) => (this.#told.get(process)?.get(address) ?? 0) < TIMES_MAX)
        .map(({ address }) => `${process} → ${address}`),
    );
  }

  open(): SignalTarget[] {
    return this.#offered.targets.filter(({ process }) => this.signaller.mayListen(process));
  }

  #judge(host: string): SignalTarget | undefined {
    if (this.stopped) this.broken.push(`a call to ${host} after the end`);
    if (this.cores.underWay >= 8) this.broken.push('a ninth call at once');
    const target = this.open().find((each) => each.host === host);
    if (!target) this.broken.push(`a call to ${host}, which has no pod or is closed`);
    return target;
  }

  #judgeTelling(target: SignalTarget | undefined, address: string): void {
    if (!target) return;
    const { process } = target;
    if (target.muted) this.broken.push(`${process} is paused and told`);
    if (!target.dials.some((dial) => dial.address === address)) this.broken.push(`${address} is no peer`);
    const told = this.#told.get(process) ?? new Map<string, number>();
    this.#told.set(process, told.set(address, (told.get(address) ?? 0) + 1));
    if ((told.get(address) ?? 0) > TIMES_MAX) this.broken.push(`${process} was told ${address} too often`);
  }

  #forget(): void {
    for (const [process, told] of this.#told) {
      if (!this.#offered.processes.has(process)) this.#told.delete(process);
      const target = this.#offered.targets.find((each) => each.process === process);
      for (const address of target ? told.keys() : []) {
        if (!target?.dials.some((dial) => dial.address === address)) told.delete(address);
      }
    }
  }
}

async function turns(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await turn();
}

const CALM = { running: true, ready: true, paused: false, moved: false, restarts: 0, fault: 'none' } as const;

it('any history keeps the rules of calling, and ends with everything told and two questions a poll', async () => {
  const history = async (steps: readonly Step[]) => {
    const stage = new Judged();
    for (const each of steps) {
      stage.take(each);
      await turns(each.turns);
      stage.clock.advance(each.passMs);
      await turns(each.turns);
    }
    const last = { pods: NAMES.map(() => CALM) };
    for (let times = 0; times < 10; times += 1) {
      stage.take(last);
      await stage.settled();
      await stage.pass(POLL_MS);
    }
    assert.deepEqual(stage.broken, []);
    assert.deepEqual(stage.missing(), []);
    const before = stage.cores.calls.length;
    for (let polls = 0; polls < 3; polls += 1) {
      stage.take(last);
      await stage.pass(POLL_MS);
    }
    assert.equal(stage.cores.calls.length - before, 3 * 2 * stage.open().length);
    const stopped = stage.signaller.stop();
    stage.stopped = true;
    await stopped;
    await stage.pass(3_600_000);
    assert.deepEqual(stage.broken, []);
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), history), { numRuns: runsOf(60) });
});
