/**
 * Checks the promises of the demo. A witness counts restarts by the UIDs of pods, and the expected peers are written here
 * by hand.
 */
import { type Network, stampOf } from '../cluster/network.ts';
import type { Stage } from '../cluster/scene.ts';
import { bold, green, red, say } from './telling.ts';

interface Check {
  readonly promise: string;
  readonly kept: boolean;
  readonly found: string;
}

/** The peers that each validator should know, by name. */
export const PEERS: Readonly<Record<string, readonly string[]>> = {
  'validator-1': ['validator-2', 'validator-3', 'validator-4', 'validator-5'],
  'validator-2': ['validator-1', 'validator-3', 'validator-4', 'validator-5'],
  'validator-3': ['validator-1', 'validator-2', 'validator-4', 'validator-5'],
  'validator-4': ['validator-1', 'validator-2', 'validator-3', 'validator-5'],
  'validator-5': ['validator-1', 'validator-2', 'validator-3', 'validator-4'],
};

export class Checks {
  readonly #network: Network;
  readonly #checks: Check[] = [];
  #before: Record<string, number> = {};

  constructor(network: Network) {
    this.#network = network;
  }

  /** Starts to count restarts from zero. Returns the time now, in ms. */
  begin(): number {
    this.#before = this.#network.restarts(Object.keys(PEERS));
    return Date.now();
  }

  /** Checks that, since `begin`, exactly these pods were replaced, each as often as `expected` says. */
  restarted(promise: string, expected: Readonly<Record<string, number>>): void {
    const counts = Object.entries(this.#network.restarts(Object.keys(PEERS)))
      .map(([name, count]) => [name, count - (this.#before[name] ?? 0)] as const)
      .filter(([, count]) => count > 0);
    const kept = JSON.stringify(Object.fromEntries(counts)) === JSON.stringify(expected);
    const found = counts.map(([name, count]) => `${name} ${count}×`).join(', ') || 'none';
    this.#checks.push({ promise, kept, found: `replaced: ${found}` });
  }

  /** Checks that since `sinceMs` no two pods of the network were down at once. */
  oneAtATime(promise: string, sinceMs: number): void {
    const most = this.#network.mostDown(sinceMs);
    this.#checks.push({ promise, kept: most <= 1, found: `most down at once: ${most}` });
  }

  /** Adds a promise that the caller has checked. */
  add(promise: string, kept: boolean, found: string): void {
    this.#checks.push({ promise, kept, found });
  }

  /** Checks that the stamps and files of all pods agree with PEERS. */
  async knowTheirPeers({ cluster }: Stage, promise: string): Promise<void> {
    const { namespace } = this.#network;
    const path = ['-n', namespace, 'get', 'configmap', 'stellar-peers', '-o', 'json'];
    const { data } = JSON.parse(await cluster.kubectl(path)) as { data: Record<string, string> };
    const wrong = Object.entries(PEERS).flatMap(([name, peers]) => {
      const file = peers.map((peer) => `${peer}-0.${peer}-headless.${namespace}.svc.cluster.local:11625\n`);
      const stamped = this.#network.stamp(name) === stampOf(namespace, peers);
      return stamped && data[`${name}.peers.txt`] === file.join('') ? [] : [name];
    });
    this.#checks.push({ promise, kept: wrong.length === 0, found: wrong.join(', ') || 'all five do' });
  }

  /** Prints each promise with its result. True if all were kept. */
  print(): boolean {
    const width = Math.max(...this.#checks.map(({ promise }) => promise.length));
    for (const { promise, kept, found } of this.#checks) {
      say(`   ${kept ? green('✓') : red('✗')} ${promise.padEnd(width)}  ${found}`);
    }
    const broken = this.#checks.filter(({ kept }) => !kept).length;
    say(
      bold(broken === 0 ? '\nEvery promise was kept.' : `\n${broken} of ${this.#checks.length} were broken.`),
    );
    return broken === 0;
  }
}
