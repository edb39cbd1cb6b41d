/**
 * A cluster of thousands of up-to-date validators, as raw objects that are made on request. If the benchmark kept them,
 * their memory would count as that of the product.
 */
import type { World } from '../../peers/world.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { node, pod, type Raw, statefulSet, worldWith } from '../unit/world.ts';

/** As many validators as fit into one ConfigMap with lists of 24. */
export const PER_NAMESPACE = 200;
const OWN = 'stellar-peers';

/** The two annotations of a pod that name the peers with which it started. */
export type StampOf = (namespace: string, name: string) => Record<string, string>;

export interface Place {
  readonly name: string;
  readonly namespace: string;
}

/** Names of upstream's length, 200 a namespace. */
export const placeOf = (prefix: string, index: number): Place => ({
  name: `${prefix}-validator-${String(index).padStart(4, '0')}`,
  namespace: `organisation-${String(Math.floor(index / PER_NAMESPACE)).padStart(2, '0')}`,
});

export const QUORUM_SET = `[QUORUM_SET]\nTHRESHOLD_PERCENT=66\nVALIDATORS=${JSON.stringify(
  ['A', 'B', 'C', 'D', 'E'].map((letter) => `G${letter.repeat(55)}`),
)}\n`;

export class LargeCluster {
  readonly size: number;
  readonly #prefix: string;
  stampOf: StampOf = () => ({});

  constructor(size: number, prefix = 'a') {
    this.size = size;
    this.#prefix = prefix;
  }

  place = (index: number): Place => placeOf(this.#prefix, index);

  places = (): Place[] => Array.from({ length: this.size }, (_, index) => this.place(index));

  node = ({ name, namespace }: Place): Raw =>
    node(name, { namespace, spec: { validatorConfig: { quorumSet: QUORUM_SET } } });

  statefulSet = ({ name, namespace }: Place): Raw => statefulSet(name, { namespace });

  pod = ({ name, namespace }: Place, ready = true): Raw => {
    const raw = pod(name, { namespace, ready, annotations: this.stampOf(namespace, name) });
    const index = Number(name.slice(-4));
    (raw.status as Record<string, unknown>).podIP = `10.${index >> 8}.${index & 255}.7`;
    return raw;
  };

  service = ({ name, namespace }: Place): Raw => ({
    metadata: { name: `${name}-headless`, namespace, uid: `service-${name}` },
    spec: { clusterIP: 'None', publishNotReadyAddresses: true },
  });

  pdb = ({ name, namespace }: Place): Raw => ({
    metadata: { name, namespace, uid: `pdb-${name}`, generation: 1 },
    spec: { selector: { matchLabels: { 'app.kubernetes.io/instance': name } }, maxUnavailable: 1 },
    status: { observedGeneration: 1, disruptionsAllowed: 1, desiredHealthy: 0, expectedPods: 1 },
  });

  namespaces = (): Raw[] =>
    [...new Set([OWN, ...this.places().map(({ namespace }) => namespace)])].map((name) => ({
      metadata: { name },
    }));

  webhook = (): Raw => ({
    metadata: { name: 'stellar-peers', creationTimestamp: '2025-01-01T00:00:00Z' },
    webhooks: [
      {
        name: 'pods.peers.stellar.org',
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
        objectSelector: { matchLabels: { 'stellar.org/node-type': 'Validator' } },
        namespaceSelector: {},
        clientConfig: { url: 'https://127.0.0.1:1/mutate-pods' },
      },
    ],
  });

  own = (): KubeObject => ({
    metadata: { name: 'stellar-peers', namespace: OWN, resourceVersion: '1' },
    data: {},
  });

  /** The whole cluster as the planner sees it. */
  world(): World {
    const places = this.places();
    return worldWith({
      nodes: places.map(this.node),
      statefulSets: places.map(this.statefulSet),
      pods: places.map((place) => this.pod(place)),
      services: places.map(this.service),
      pdbs: places.map(this.pdb),
      namespaces: this.namespaces(),
      webhook: this.webhook(),
      configMaps: [this.own() as Raw],
    });
  }
}
