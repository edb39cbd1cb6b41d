/**
 * A steady load of pod creations as dry runs. For each of them the API server asks our webhook. Owns the rate, and counts
 * the pods that came back injected, without injection, or not at all.
 */
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { StatefulSets } from '../../runtime/kube/resources.ts';
import type { Cluster } from '../cluster/boot.ts';
import { until } from '../cluster/until.ts';

const STAMP = 'stellar.org/peers';
/** The most requests at a time. With more, the load would measure the API server. */
const CONNECTIONS_MAX = 64;
const TICK_MS = 10;
const TIMEOUT_MS = 20_000;

export interface Counts {
  readonly sent: number;
  readonly injected: number;
  /** Created without peers: the webhook was not asked, or did not answer. */
  readonly bare: number;
  /** Not created, for whatever reason. */
  readonly refused: number;
}

/** What is asked of a cluster. */
type Target = Pick<Cluster, 'admin' | 'kubeconfigPath' | 'server'>;

export class Load {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  readonly #target: URL;
  readonly #headers: Record<string, string>;
  readonly #ca: Buffer;
  readonly #pod: KubeObject;
  #perSecond: number;
  #sent = 0;
  #counts = { injected: 0, bare: 0, refused: 0 };
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  /** The failures: when a pod came back without injection or not at all, in ms since the epoch, and the message. */
  readonly misses: Array<{ readonly atMs: number; readonly what: string }> = [];

  private constructor(cluster: Target, pod: KubeObject, perSecond: number) {
    const config = loadKubeConfig({ path: cluster.kubeconfigPath });
    const namespace = pod.metadata.namespace ?? '';
    this.#target = new URL(`${cluster.server}/api/v1/namespaces/${namespace}/pods?dryRun=All`);
    const { token = '' } = config.getCurrentUser() ?? {};
    this.#headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    this.#ca = Buffer.from(config.getCurrentCluster()?.caData ?? '', 'base64');
    this.#pod = pod;
    this.#perSecond = perSecond;
  }

  /** Begins to create pods as the StatefulSet of this validator would make them. */
  static async start(
    cluster: Target,
    validator: { readonly namespace: string; readonly name: string },
    perSecond = 200,
  ): Promise<Load> {
    const set = await cluster.admin.get({ resource: StatefulSets, ...validator });
    if (!set) throw new Error(`there is no StatefulSet ${validator.namespace}/${validator.name}`);
    const load = new Load(cluster, podOf(set), perSecond);
    load.#running = load.#run();
    return load;
  }

  /** The counts so far. Pending requests are only in `sent`. */
  get counts(): Counts {
    return { sent: this.#sent, ...this.#counts };
  }

  /** Waits for so many more answers of any kind. The rate is a maximum, so this takes at least the corresponding time. */
  async untilAnswered(count: number): Promise<void> {
    const answered = () => this.#counts.injected + this.#counts.bare + this.#counts.refused;
    const enough = answered() + count;
    await until(`${count} more pods are answered`, () => answered() >= enough, { deadlineMs: 60_000 });
  }

  /** Changes the rate, in requests per second. */
  set perSecond(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Stops. Resolves to the counts when all requests have been answered. */
  async stop(): Promise<Counts> {
    this.#stopped = true;
    await this.#running;
    this.#agent.destroy();
    return this.counts;
  }

  async #run(): Promise<void> {
    const underWay = new Set<Promise<void>>();
    let owed = 0;
    let lastMs = performance.now();
    while (!this.#stopped) {
      await delay(TICK_MS);
      const nowMs = performance.now();
      // A pause of this process is not made up for: the rate is a ceiling.
      owed = Math.min(owed + ((nowMs - lastMs) * this.#perSecond) / 1000, CONNECTIONS_MAX);
      lastMs = nowMs;
      for (; owed >= 1 && underWay.size < CONNECTIONS_MAX; owed -= 1) {
        const one: Promise<void> = this.#create().finally(() => underWay.delete(one));
        underWay.add(one);
      }
    }
    await Promise.all(underWay);
  }

  async #create(): Promise<void> {
    this.#sent += 1;
    // A name that no StatefulSet of one replica has, and another each time.
    const name = `${this.#pod.metadata.name}-${1000 + this.#sent}`;
    const metadata = { ...this.#pod.metadata, name };
    const { status, text } = await this.#post(JSON.stringify({ ...this.#pod, metadata }));
    if (status === 201 && text.includes(`"${STAMP}"`)) this.#counts.injected += 1;
    else if (status === 201) this.#miss('bare', 'created without peers');
    else this.#miss('refused', `${status} ${text.slice(0, 300)}`);
  }

  #miss(kind: 'bare' | 'refused', what: string): void {
    this.#counts[kind] += 1;
    this.misses.push({ atMs: Date.now(), what });
  }

  #post(body: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve) => {
      const options = { method: 'POST', agent: this.#agent, ca: this.#ca, timeout: TIMEOUT_MS };
      const headers = { ...this.#headers, 'content-length': Buffer.byteLength(body) };
      const outgoing = request(this.#target, { ...options, headers }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
        incoming.on('error', (error) => resolve({ status: 0, text: String(error) }));
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      outgoing.on('error', (error) => resolve({ status: 0, text: String(error) }));
      outgoing.end(body);
    });
  }
}

/** A pod as the StatefulSet makes it; its name is the StatefulSet's, without an ordinal. */
function podOf({ metadata: { name, namespace = '', uid }, spec }: KubeObject): KubeObject {
  const { template } = spec as { template: KubeObject };
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name, uid, controller: true };
  const { labels } = template.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      ...(labels ? { labels } : {}),
      ownerReferences: [owner],
    } as unknown as KubeObject['metadata'],
    spec: template.spec,
  };
}
