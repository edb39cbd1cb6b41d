/** A restart that waits for the StatefulSet controller while its reasons end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigMaps, Pods } from '../../../runtime/kube/resources.ts';
import { isReady } from '../workloads.ts';
import { OWN, type Stage } from './stage.ts';
import { holderOf, podRef, setRef, tell, told } from './story.ts';

const ALL = ['v0', 'v1', 'v2', 'v3'];

const PAUSE = {
  op: 'add',
  path: '/metadata/annotations',
  value: { 'stellar.org/peer-rollout': 'paused' },
} as const;
const pauseAll = ({ server }: Stage) =>
  server.admin.patch({ resource: ConfigMaps, namespace: OWN, name: OWN }, [PAUSE]);

const areDown = ({ server }: Stage) =>
  ALL.filter((name) => {
    const pod = server.store.get(podRef(name));
    return !pod || !isReady(pod) || pod.metadata.deletionTimestamp !== undefined;
  });

/** Bumps v0 and stops the controller for a minute. `then` adds actions meanwhile. */
async function away(then: (stage: Stage, at: (ms: number, action: () => unknown) => void) => void) {
  let mostDown = 0;
  let podsOfV0 = 0;
  const history = await tell({
    validators: 4,
    percent: 67,
    script: (stage, at) => {
      const hold = holderOf(stage);
      at(85_000, () =>
        stage.server.store.onChange(({ resource, former, next }) => {
          if (resource.kind === Pods.kind && !former && next?.metadata.name === 'v0-0') podsOfV0 += 1;
          if (stage.time.monotonicMs() > 100_000) mostDown = Math.max(mostDown, areDown(stage).length);
        }),
      );
      stage.atNextBump.set('north/v0', () => {
        hold(60_000);
        then(stage, (ms, action) => at(ms, action));
      });
      at(90_000, () => stage.join(3));
    },
    endMs: 300_000,
  });
  return { ...history, mostDown, podsOfV0 };
}

describe('while the StatefulSet controller is away for a minute, a bump', () => {
  it('is taken back when all is paused, and no second validator goes down with one that did', async () => {
    const { mostDown, podsOfV0, broken, witness } = await away((stage, at) => {
      at(5_000, () => pauseAll(stage));
      at(10_000, () => stage.kubelet.setReady('north', 'v1-0', false));
    });
    assert.deepEqual(
      witness.restarts.map(({ end }) => end),
      ['defused'],
    );
    assert.deepEqual([mostDown, podsOfV0], [1, 0]);
    assert.deepEqual(broken, []);
  });

  it('is taken back when a partition holds it, because the partition may be removed later', async () => {
    const strategy = (partition: number) =>
      [
        {
          op: 'add',
          path: '/spec/updateStrategy',
          value: { type: 'RollingUpdate', rollingUpdate: { partition } },
        },
      ] as const;
    const { podsOfV0 } = await away((stage, at) => {
      at(1_000, () => stage.server.admin.patch(setRef('v0'), strategy(1)));
      at(80_000, () => pauseAll(stage));
      at(90_000, () => stage.server.admin.patch(setRef('v0'), strategy(0)));
    });
    assert.equal(podsOfV0, 0);
  });

  it('is taken back after 30 s, reported as ControllerAway, and made again when the controller is back', async () => {
    const codes: Record<string, string>[] = [];
    const { podsOfV0, witness, stage } = await away((stage, at) => at(40_000, () => codes.push(told(stage))));
    assert.equal(codes[0]?.v0, 'ControllerAway');
    assert.equal(witness.restarts[0]?.end, 'defused');
    assert.equal(podsOfV0, 1);
    assert.deepEqual(told(stage), {});
  });
});
