import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Namespaces } from '../../runtime/kube/resources.ts';
import { READY_HINT } from '../cluster/stages.ts';
import { SimServer } from './api-server.ts';
import { CHECKS } from './conformance.ts';
import type { Conformant } from './conformant.ts';
import { DisruptionController } from './disruption-controller.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { Kubelet } from './kubelet.ts';
import { Random } from './random.ts';
import { StatefulSetController } from './statefulset-controller.ts';
import { SimTime } from './time.ts';

const START_MS = Date.UTC(2026, 10, 23, 12);
const STEP_MS = 20;
const STEPS_MAX = 3_000;

function simulated(seed: number): Conformant {
  const time = new SimTime(START_MS);
  const random = new Random(seed);
  const server = new SimServer({ time, random });
  const edges = { server, time, reactMs: () => random.int(1, 40) };
  new StatefulSetController(edges);
  new DisruptionController(edges);
  new GarbageCollector(edges);
  const kubelet = new Kubelet({
    ...edges,
    scheduleMs: () => random.int(1, 50),
    startMs: () => random.int(1, 100),
    readyMs: ({ metadata }) =>
      metadata.annotations?.[READY_HINT] === 'never' ? Number.POSITIVE_INFINITY : random.int(1, 200),
    terminateMs: () => random.int(50, 300),
  });
  const pass = (ms: number) => time.run(time.monotonicMs() + ms);
  let namespaces = 0;
  return {
    kube: server.admin,
    namespace: async () => {
      namespaces += 1;
      const name = `conformance-${namespaces}`;
      await server.admin.apply({ resource: Namespaces, name }, { metadata: { name } }, { manager: 'test' });
      return name;
    },
    makeReady: async ({ namespace, name }) => kubelet.setReady(namespace, name, true),
    makeNotReady: async ({ namespace, name }) => kubelet.setReady(namespace, name, false),
    until: async (wanted, predicate) => {
      for (let step = 0; step < STEPS_MAX; step += 1) {
        const value = await Promise.resolve(predicate()).catch(() => undefined);
        if (value) return value;
        await pass(STEP_MS);
      }
      return assert.fail(`not within ${(STEPS_MAX * STEP_MS) / 1000} s: ${wanted}`);
    },
    pass,
    compact: () => server.compact(),
  };
}

describe('the simulated cluster', () => {
  for (const { name, run } of CHECKS) {
    it(name, async () => {
      for (let seed = 1; seed <= 20; seed += 1) await run(simulated(seed));
    });
  }
});
