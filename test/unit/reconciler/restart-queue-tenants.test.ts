/** One tenant's objects and restarts keep no other tenant's restarts waiting. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RestartQueue } from '../../../reconciler/apply/restart-queue.ts';
import { StatefulSets } from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { Restarting } from './restarting.ts';

/** Offers the plans of the present caches to the queue, and waits until the queue is idle. */
async function offered(stage: Restarting, lane: RestartQueue): Promise<void> {
  const caches = await stage.plans();
  const { intercept } = stage.kube;
  stage.kube.intercept = slowTo(stage);
  await stage.offer(lane, caches);
  stage.kube.intercept = intercept;
}

/** How long a list of StellarNodes takes that holds those of that namespace; 'fails' where it has no answer. */
const costs = new WeakMap<Restarting, (namespace: string) => number | 'fails'>();

const slowTo = (stage: Restarting) => (request: string) => {
  if (!/^list .*stellarnodes$/.test(request)) return;
  const [, namespace] = /namespaces\/([^/]+)\//.exec(request) ?? [];
  const listed = namespace === undefined ? ['stellar', ...stage.networks] : [namespace];
  const found = listed.map(costs.get(stage) ?? (() => 0));
  if (found.includes('fails')) throw failure(500, '', 'no');
  stage.clock.advance(Math.max(...found.map(Number)));
};

/** Why validators of a namespace wait, each code once. */
async function toldIn(stage: Restarting, namespace: string): Promise<string[]> {
  const { plans } = await stage.plans();
  const holds = [...plans.values()].flatMap((plan) => [...plan.holds, ...plan.remarks]);
  const codes = holds.filter(([key]) => key.startsWith(`${namespace}/`)).map(([, { code }]) => code);
  return [...new Set(codes)].filter((code) => code !== 'QuorumUnknown');
}

const isBumped = ({ kube }: Restarting, namespace: string) =>
  ['a', 'b', 'c', 'd'].some((name) =>
    JSON.stringify(kube.observe({ resource: StatefulSets, namespace, name })?.spec).includes('peer-restart'),
  );

describe('a namespace whose objects take long to be read', () => {
  for (const cost of [6_000, 'fails'] as const)
    it(`holds only the restarts of its own group, and is reported only there (${cost})`, async () => {
      const stage = new Restarting();
      stage.hasTimedReads = cost !== 'fails';
      stage.addNetwork('acme');
      costs.set(stage, (namespace) => (namespace === 'acme' ? cost : 10));
      const lane = stage.lane();
      for (let round = 0; round < 4; round += 1) await offered(stage, lane);
      assert.deepEqual([isBumped(stage, 'stellar'), isBumped(stage, 'acme')], [true, false]);
      assert.deepEqual(await toldIn(stage, 'acme'), ['StaleCaches']);
      assert.deepEqual(await toldIn(stage, 'stellar'), ['InFlight']);
    });
});

describe('many groups whose restarts do not act', () => {
  it('delay the first restart of another group by a few turns at most', async () => {
    const stage = new Restarting();
    for (let index = 0; index < 20; index += 1) stage.addNetwork(`tenant-${index}`);
    costs.set(stage, () => 500);
    const lane = stage.lane();
    // Each of these groups has a restart that does nothing, and is looked at every 5 s.
    for (let round = 0; round < 40; round += 1) await offered(stage, lane);
    assert.ok(isBumped(stage, 'tenant-19'));
    stage.addNetwork('another');
    const sinceMs = stage.clock.monotonicMs();
    while (!isBumped(stage, 'another')) await offered(stage, lane);
    assert.ok(stage.clock.monotonicMs() - sinceMs <= 5_000);
  });
});
