/** A stage for signals: validators with addresses, and stellar-cores that answer or do not, call by call. */
import { setImmediate as turn } from 'node:timers/promises';
import { discover } from '../../../peers/discovery/discover.ts';
import { readPod } from '../../../peers/read/workload.ts';
import { viewOf } from '../../../peers/views/views.ts';
import type { Validator, World } from '../../../peers/world.ts';
import { Signaller } from '../../../reconciler/apply/signaller.ts';
import { type SignalScope, signalScope } from '../../../reconciler/plan/signals/signal-targets.ts';
import { type CoreClient, CoreError } from '../../../runtime/core-client.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { pod } from '../world.ts';
import { DISCOVERY, NOW_MS, networkWorld, type Spec } from './group.ts';

export const POLL_MS = 60_000;
const OWN = 'stellar-peers';

/** The address of a validator's pod: `a` is 127.0.0.1, `b` 127.0.0.2 … */
export const ipOf = (name: string): string => `127.0.0.${name.charCodeAt(0) - 96}`;

/** A World whose pods have these addresses; `change` replaces fields of one pod's facts. */
export function worldOf(
  specs: Readonly<Record<string, Spec>>,
  change: Readonly<Record<string, object>> = {},
): World {
  const world = networkWorld(specs);
  const pods = new Map(
    [...world.pods].map(([key, facts]) => {
      const name = facts.ownerName ?? '';
      return [key, { ...facts, ip: ipOf(name), ...change[name] }];
    }),
  );
  return { ...world, pods };
}

/** The signal targets of a World. */
export function scopeOf(
  world: World,
  mayListen: (process: string) => boolean = () => true,
  isOpen = mayListen,
): SignalScope {
  const discovery = discover(world, DISCOVERY);
  const settings = { ownNamespace: OWN, maxPeers: 24 };
  const peerList = ({ key: node }: Validator) => {
    const group = discovery.groups.get(discovery.groupOf.get(node) ?? '');
    return group && { view: viewOf(node, group, 24), externals: group.externals };
  };
  return signalScope({ world, discovery, peerListOf: peerList, settings, mayListen, isOpen });
}

/** Another pod of that name, which only looks like the validator's. */
export const strayPod = (name: string) => readPod(pod(name, { uid: 'stray', ownerUid: 'stranger' }));

/** stellar-cores by address: each answers with its peers until it is told to fail. */
export class FakeCores implements CoreClient {
  readonly calls: string[] = [];
  readonly connected = new Map<string, Set<string>>();
  /** Called before each answer. If it throws, the error is the answer. */
  answer: (call: string) => void | Promise<void> = () => undefined;
  underWay = 0;
  mostUnderWay = 0;

  peers = (host: string) => this.#call(`${host} peers`, () => new Set(this.connected.get(host)));
  info = (host: string) => this.#call(`${host} info`, () => ({ synced: true }));
  connect = (host: string, peer: { host: string; port: number }) =>
    this.#call(`${host} connect ${peer.host}:${peer.port}`, () => {
      this.#connect(host, `${peer.host}:${peer.port}`);
      this.#connect(peer.host, `${host}:11625`);
    });

  /** Both ends of a connection show it. */
  #connect(host: string, address: string): void {
    this.connected.set(host, (this.connected.get(host) ?? new Set()).add(address));
  }

  told(): string[] {
    return this.calls.filter((call) => call.includes('connect'));
  }

  async #call<T>(call: string, answer: () => T): Promise<T> {
    this.calls.push(call);
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      await turn();
      await this.answer(call);
      return answer();
    } finally {
      this.underWay -= 1;
    }
  }
}

export const refusal = () => new CoreError('refused', 'connection refused');

export class Signalling {
  readonly cores = new FakeCores();
  readonly clock = new ManualClock(NOW_MS);
  readonly log = new CapturedLog();
  readonly metrics = new Metrics();
  changes = 0;
  readonly signaller = new Signaller({
    core: this.cores,
    clock: this.clock,
    log: this.log,
    metrics: this.metrics,
    pollMs: POLL_MS,
    wake: {
      notify: () => {
        this.changes += 1;
      },
    },
  });

  /** Offers what there is to signal, and lets every call that follows at once come to its end. */
  async offer(world: World): Promise<void> {
    this.signaller.offer(scopeOf(world, this.signaller.mayListen, this.signaller.isOpen));
    await this.settled();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settled();
  }

  /** Resolves when no call is under way any more. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet = this.cores.underWay === 0 ? quiet + 1 : 0) await turn();
  }
}
