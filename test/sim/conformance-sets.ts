/** StatefulSets under the conformance checks: how they are made, and what can be seen of them. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods, StatefulSets } from '../../runtime/kube/resources.ts';
import { READY_HINT } from '../cluster/stages.ts';
import type { Conformant } from './conformant.ts';

export interface SetOptions {
  readonly replicas?: number;
  readonly podManagementPolicy?: string;
  readonly updateStrategy?: object;
  /** False if pods become Ready only when a check makes them Ready. Default true. */
  readonly readyByItself?: boolean;
}

export const RESTART = 'conformance/restart';

export function setBody(namespace: string, name: string, options: SetOptions = {}): KubeObject {
  const {
    replicas = 1,
    podManagementPolicy = 'OrderedReady',
    readyByItself = true,
    updateStrategy,
  } = options;
  const labels = { app: name };
  const annotations = { [READY_HINT]: readyByItself ? '10ms' : 'never', inherited: 'yes' };
  return {
    apiVersion: StatefulSets.apiVersion,
    kind: StatefulSets.kind,
    metadata: { name, namespace },
    spec: {
      replicas,
      podManagementPolicy,
      serviceName: `${name}-headless`,
      selector: { matchLabels: labels },
      ...(updateStrategy ? { updateStrategy } : {}),
      template: {
        metadata: { labels, annotations },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'none' }] },
      },
    },
  };
}

/** One StatefulSet in a namespace of its own, and its pods. */
export class Subject {
  readonly #cluster: Conformant;
  readonly namespace: string;
  readonly name: string;

  private constructor(cluster: Conformant, namespace: string, name: string) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.name = name;
  }

  static async create(cluster: Conformant, options: SetOptions, name = 'web'): Promise<Subject> {
    const namespace = await cluster.namespace();
    await cluster.kube.create(StatefulSets, setBody(namespace, name, options));
    return new Subject(cluster, namespace, name);
  }

  get ref() {
    return { resource: StatefulSets, namespace: this.namespace, name: this.name };
  }

  podName(ordinal: number) {
    return { namespace: this.namespace, name: `${this.name}-${ordinal}` };
  }

  async set(): Promise<KubeObject> {
    const found = await this.#cluster.kube.get(this.ref);
    if (!found) throw new Error('the StatefulSet is gone');
    return found;
  }

  async status(): Promise<Record<string, unknown>> {
    return (await this.set()).status as Record<string, unknown>;
  }

  pod(ordinal: number): Promise<KubeObject | undefined> {
    return this.#cluster.kube.get({ resource: Pods, ...this.podName(ordinal) });
  }

  /** UIDs by ordinal of the pods that are there. */
  async uids(): Promise<string[]> {
    const { items } = await this.#cluster.kube.list(Pods, {
      namespace: this.namespace,
      labelSelector: `app=${this.name}`,
    });
    return items.map(({ metadata }) => metadata.uid ?? '');
  }

  /** Every pod is Ready, of the newest template, and the status says so. */
  async untilSettled(replicas: number): Promise<void> {
    await this.#cluster.until(`${replicas} pods are settled`, async () => {
      const { metadata, status } = await this.set();
      const facts = status as Record<string, unknown>;
      return (
        facts.observedGeneration === metadata.generation &&
        facts.replicas === replicas &&
        (facts.readyReplicas ?? 0) === replicas &&
        (facts.updatedReplicas ?? 0) === replicas &&
        facts.currentRevision === facts.updateRevision
      );
    });
  }

  untilPod(ordinal: number, describe: string, predicate: (pod: KubeObject) => boolean): Promise<KubeObject> {
    return this.#cluster.until(`pod ${ordinal} ${describe}`, async () => {
      const pod = await this.pod(ordinal);
      return pod && predicate(pod) ? pod : undefined;
    });
  }

  /** Sets the one annotation of the template, or takes it away. */
  async annotate(value: string | undefined): Promise<void> {
    const path = `/spec/template/metadata/annotations/${RESTART.replace('/', '~1')}`;
    const operation =
      value === undefined ? ({ op: 'remove', path } as const) : ({ op: 'add', path, value } as const);
    await this.#cluster.kube.patch(this.ref, [operation]);
  }

  async untilObserved(): Promise<void> {
    await this.#cluster.until('the controller has seen it', async () => {
      const { metadata, status } = await this.set();
      return (status as { observedGeneration?: number }).observedGeneration === metadata.generation;
    });
  }
}

export const isReady = ({ status }: KubeObject): boolean => {
  const { conditions = [] } = status as { conditions?: Array<{ type: string; status: string }> };
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
};

export const isRunning = ({ status }: KubeObject): boolean =>
  (status as { phase?: string }).phase === 'Running';
