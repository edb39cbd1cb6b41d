/**
 * A stand-in for stellar-core's HTTP port in each running validator pod, at the pod's own address, as long as the pod
 * exists. The caller says in which pods the port is open.
 */
import type { Kube, KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import { type CoreServer, startCoreServer } from './core-server.ts';
import { follow } from './follow.ts';

/** stellar-core's own default. */
const CORE_HTTP_PORT = 11_626;
const PEER_PORT = 11_625;

export class Cores {
  readonly #stopping = new AbortController();
  readonly #servers = new Map<string, CoreServer>();
  readonly #isOpen: (pod: string) => boolean;
  readonly #running: Promise<void>;
  #queue: Promise<void> = Promise.resolve();
  /** The state that newly started ports report. */
  startsAs = 'Synced!';

  /** Listens in each pod for which `isOpen` is true, called with `namespace/name`. */
  constructor(kube: Kube, isOpen: (pod: string) => boolean = () => true) {
    this.#isOpen = isOpen;
    const source = { kube, resource: Pods, query: { labelSelector: 'stellar.org/node-type=Validator' } };
    const follower = {
      put: (pod: KubeObject) => this.#then(() => this.#start(pod)),
      remove: (pod: KubeObject) => this.#then(() => this.#end(pod)),
    };
    this.#running = follow(source, follower, this.#stopping.signal);
  }

  /** The server in the running pod with this `namespace/name`. */
  of(pod: string): CoreServer | undefined {
    return this.#servers.get(pod);
  }

  /** The `connect` calls to the running pod so far, in order, as `host:port`. */
  dialled(pod: string): string[] {
    return (this.of(pod)?.calls ?? [])
      .filter((call) => call.startsWith('/connect?'))
      .map((call) => {
        const query = new URLSearchParams(call.slice(call.indexOf('?')));
        return `${query.get('peer')}:${query.get('port')}`;
      });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#queue;
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
  }

  #then(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work);
  }

  async #start(pod: KubeObject): Promise<void> {
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
    const { podIP } = (pod.status ?? {}) as { podIP?: string };
    if (podIP === undefined || !this.#isOpen(key) || this.#servers.get(key)?.host === podIP) return;
    await this.#servers.get(key)?.stop();
    const onDial = (address: string) => this.#accept(podIP, address);
    const server = await startCoreServer({ host: podIP, port: CORE_HTTP_PORT, onDial });
    server.info.state = this.startsAs;
    this.#servers.set(key, server);
  }

  /** Connects two pods: both ends show the connection, whichever has dialled. */
  #accept(from: string, address: string): void {
    const found = [...this.#servers.values()].find(({ host }) => address === `${host}:${PEER_PORT}`);
    found?.connected.add(`${from}:${PEER_PORT}`);
  }

  async #end(pod: KubeObject): Promise<void> {
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
    const { podIP } = (pod.status ?? {}) as { podIP?: string };
    const server = this.#servers.get(key);
    if (!server || server.host !== podIP) return;
    this.#servers.delete(key);
    await server.stop();
  }
}
