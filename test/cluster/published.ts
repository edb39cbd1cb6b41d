/**
 * An independent witness of the published ConfigMaps named `stellar-peers`. It watches them itself and shares no code
 * with the publisher.
 */
import { EventEmitter, once } from 'node:events';
import type { Kube, KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import { follow } from './follow.ts';

/** One running pod in the overview. */
interface OverviewPeer {
  readonly namespace: string;
  readonly name: string;
  readonly ordinal: number;
  readonly dns: string;
  readonly ip: string;
  readonly port: number;
}

export interface OverviewNetwork {
  readonly network: string;
  readonly title: string;
  readonly peers: readonly OverviewPeer[];
}

const OWN_NAMESPACE = 'stellar-peers';
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

export class Published {
  readonly #stopping = new AbortController();
  readonly #changed = new EventEmitter();
  readonly #running: Promise<void>;
  readonly #objects = new Map<string, KubeObject>();

  constructor(kube: Kube) {
    const notifying = (change: (namespace: string) => void) => (object: KubeObject) => {
      change(object.metadata.namespace ?? '');
      this.#changed.emit('change');
    };
    const follower = {
      put: (object: KubeObject) => notifying((namespace) => this.#objects.set(namespace, object))(object),
      remove: notifying((namespace) => this.#objects.delete(namespace)),
    };
    const query = { fieldSelector: 'metadata.name=stellar-peers' };
    this.#running = follow({ kube, resource: ConfigMaps, query }, follower, this.#stopping.signal);
  }

  /** The object in a namespace as last seen; undefined if there is none. */
  object(namespace: string): KubeObject | undefined {
    return this.#objects.get(namespace);
  }

  /** The data of the ConfigMap in a namespace; empty if there is no ConfigMap. */
  data(namespace: string): Readonly<Record<string, string>> {
    return (this.#objects.get(namespace)?.data ?? {}) as Record<string, string>;
  }

  /** The addresses that a validator's pods read, sorted; undefined if nothing is published for it. */
  peersOf(namespace: string, node: string): string[] | undefined {
    const text = this.data(namespace)[`${node}.peers.txt`];
    return text === undefined ? undefined : linesOf(text).sort();
  }

  /** `KNOWN_PEERS` of the overview, sorted. */
  knownPeers(): string[] {
    return linesOf(this.data(OWN_NAMESPACE).KNOWN_PEERS ?? '').sort();
  }

  /** `networks.json` of the overview. */
  networks(): OverviewNetwork[] {
    return JSON.parse(this.data(OWN_NAMESPACE)['networks.json'] ?? '[]');
  }

  /** `discovery_metadata` of the overview. */
  metadata(): { discovered_at?: string; peer_count?: number; active_validators?: number } {
    return JSON.parse(this.data(OWN_NAMESPACE).discovery_metadata ?? '{}');
  }

  /**
   * Evaluates `predicate` at every change. Resolves to the time until it was true, in ms. Rejects after the deadline
   * (30 s) with the result of `seen`.
   */
  async until(
    describe: string,
    predicate: () => boolean,
    { seen, deadlineMs = 30_000 }: { seen?: () => unknown; deadlineMs?: number } = {},
  ): Promise<number> {
    const startedAtMs = performance.now();
    const signal = AbortSignal.timeout(deadlineMs);
    while (!predicate()) {
      await once(this.#changed, 'change', { signal }).catch((cause: unknown) => {
        const found = JSON.stringify(seen ? seen() : [...this.#objects.keys()], undefined, 1);
        throw new Error(`not within ${deadlineMs / 1000} s: ${describe}\nseen: ${found}`, { cause });
      });
    }
    return performance.now() - startedAtMs;
  }

  /** Waits until each validator (`namespace/name`) is published with exactly these addresses. */
  untilPeers(wanted: Readonly<Record<string, readonly string[]>>): Promise<number> {
    const found = () =>
      Object.keys(wanted).map((key) => {
        const [namespace = '', node = ''] = key.split('/');
        return [key, this.peersOf(namespace, node)] as const;
      });
    const text = JSON.stringify(Object.entries(wanted).map(([key, peers]) => [key, [...peers].sort()]));
    return this.until(`published: ${text}`, () => JSON.stringify(found()) === text, { seen: found });
  }

  /** Ends the watch. The last state stays. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }
}

/** The address of a validator's only pod, as the peers of that validator should have it in their files. */
export const addressOf = (namespace: string, node: string, port = 11625): string =>
  `${node}-0.${node}-headless.${namespace}.svc.cluster.local:${port}`;
