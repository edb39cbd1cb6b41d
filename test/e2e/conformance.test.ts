import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { bootCluster, type Cluster } from '../cluster/boot.ts';
import { READY_HINT } from '../cluster/stages.ts';
import { until } from '../cluster/until.ts';
import { CHECKS } from '../sim/conformance.ts';
import type { Conformant, PodName } from '../sim/conformant.ts';

describe('the real control plane behaves as the simulation assumes', () => {
  let cluster: Cluster;
  let conformant: Conformant;

  before(async () => {
    cluster = await bootCluster({ nodes: 3 });
    let namespaces = 0;
    const hint = ({ namespace, name }: PodName, value: string) =>
      cluster.kubectl(['annotate', 'pod', name, '-n', namespace, `${READY_HINT}=${value}`, '--overwrite']);
    conformant = {
      kube: cluster.admin,
      namespace: async () => {
        namespaces += 1;
        const name = `conformance-${namespaces}`;
        await cluster.createNamespace(name);
        return name;
      },
      makeReady: async (pod) => void (await hint(pod, '10ms')),
      makeNotReady: async (pod) => void (await hint(pod, 'lost')),
      until,
      pass: (ms) => delay(ms),
      // The server's memory of changes begins after version 1.
      compact: () => undefined,
    };
  });
  after(() => cluster?.stop());

  for (const { name, run } of CHECKS) it(name, () => run(conformant));
});
