/** Machines that start anew, kubelets that do not reach the API server, and probes that fail once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigMaps } from '../../../runtime/kube/resources.ts';
import { OWN, type Stage } from './stage.ts';
import { podRef, setRef, tell, told } from './story.ts';

const ROLLOUT = '/metadata/annotations';
const annotate = ({ server }: Stage, value: Record<string, string>) =>
  server.admin.patch({ resource: ConfigMaps, namespace: OWN, name: OWN }, [
    { op: 'add', path: ROLLOUT, value },
  ]);

/** At 80 s, v0's pod comes back without injection, while restarts are paused. Restarts are resumed at 150 s. */
function bareV0(stage: Stage, at: (ms: number, action: () => unknown) => void): void {
  at(70_000, () => annotate(stage, { 'stellar.org/peer-rollout': 'paused' }));
  at(80_000, () => {
    stage.webhookDown(10_000);
    return stage.server.admin.delete(podRef('v0'), {});
  });
  at(150_000, () => annotate(stage, {}));
}

/** The quorum needs all validators, so no Ready validator may be restarted. */
const NONE_TO_SPARE = { validators: 4, percent: 100 } as const;
const SLOW = { DELETE_MIN_AGE_SECONDS: '60' };

/** v0's pod is not injected. Its probe fails from 200 s on: for `forMs`, or without `forMs` to the end. */
const probeFails = (forMs = Number.POSITIVE_INFINITY) =>
  tell({
    ...{ ...NONE_TO_SPARE, settings: SLOW, endMs: 400_000 },
    script: (stage, at) => {
      bareV0(stage, at);
      at(200_000, () => stage.kubelet.setReady('north', 'v0-0', false));
      if (Number.isFinite(forMs)) at(200_000 + forMs, () => stage.kubelet.setReady('north', 'v0-0', true));
    },
  });

describe('a validator that is not injected, and that its quorum cannot spare', () => {
  it('is kept although its kubelet does not reach the API server: the validator runs and votes', async () => {
    const { broken, stage, witness } = await tell({
      ...{ ...NONE_TO_SPARE, settings: SLOW, endMs: 400_000 },
      script: (stage, at) => {
        bareV0(stage, at);
        at(160_000, () => stage.kubelet.silence('north', 'v0-0', 120_000));
      },
    });
    assert.deepEqual([broken, witness.restarts.length], [[], 0]);
    assert.equal(told(stage).v0, 'QuorumMargin');
  });

  it('is reported as NotAllReady while its kubelet is away, and not as CatchingUp', async () => {
    const codes: Array<string | undefined> = [];
    await tell({
      ...{ ...NONE_TO_SPARE, settings: SLOW, endMs: 260_000 },
      script: (stage, at) => {
        bareV0(stage, at);
        at(160_000, () => stage.kubelet.silence('north', 'v0-0', 120_000));
        at(250_000, () => codes.push(told(stage).v0));
      },
    });
    assert.deepEqual(codes, ['NotAllReady']);
  });

  it('is kept although its probe has failed for half a minute', async () => {
    const { broken, witness } = await probeFails(30_000);
    assert.deepEqual([broken, witness.restarts.length], [[], 0]);
  });

  it('is deleted when its probe has failed for DELETE_MIN_AGE_SECONDS', async () => {
    const { broken, witness } = await probeFails();
    assert.deepEqual(broken, []);
    assert.deepEqual(
      witness.restarts.map(({ kind, node }) => `${kind} ${node}`),
      ['delete north/v0'],
    );
  });
});

describe('a network whose kubelets do not reach the API server', () => {
  it('loses no second validator while one validator is being restarted', async () => {
    const codes: Array<Record<string, string>> = [];
    const { broken, witness } = await tell({
      ...{ validators: 4, endMs: 900_000 },
      script: (stage, at) => {
        at(90_000, () => stage.join(3));
        stage.atNextBump.set('north/v0', () =>
          at(2_500, () => {
            for (const name of ['v0-0', 'v1-0', 'v2-0', 'v3-0'])
              stage.kubelet.silence('north', name, 180_000);
          }),
        );
        at(200_000, () => codes.push(told(stage)));
      },
    });
    assert.deepEqual(codes, [{ v1: 'NotAllReady', v2: 'NotAllReady' }]);
    assert.deepEqual([broken, witness.restarts.length], [[], 3]);
  });

  it('has a restart taken back if the silent kubelet is that of the pod to be restarted', async () => {
    const { broken, witness } = await tell({
      ...{ validators: 4, endMs: 900_000 },
      script: (stage, at) => {
        at(90_000, () => stage.join(3));
        stage.atNextBump.set('north/v0', () => at(0, () => stage.kubelet.silence('north', 'v0-0', 180_000)));
      },
    });
    assert.deepEqual(
      witness.restarts.map(({ node, end }) => `${node} ${end}`),
      ['north/v0 defused', 'north/v0 over', 'north/v1 over', 'north/v2 over'],
    );
    assert.deepEqual(broken, []);
  });
});

describe('a machine that is drained for a minute at the moment of a bump', () => {
  it('delays further restarts: two validators are down, the bumped one and the drained one, and no third', async () => {
    const { broken, stage, witness } = await tell({
      ...{ validators: 4, endMs: 700_000 },
      script: (stage, at) => {
        at(90_000, () => stage.join(3));
        stage.atNextBump.set('*', () => {
          stage.kubelet.scheduler.resize(3);
          at(10, () => stage.server.admin.delete(podRef('v2'), {}));
          at(60_000, () => stage.kubelet.scheduler.resize(5));
        });
      },
    });
    assert.deepEqual([broken, told(stage)], [[], {}]);
    // v2's pod read its list when it came back, so v2 needs no restart.
    assert.deepEqual(witness.restarts.map(({ node }) => node).sort(), ['north/v0', 'north/v1']);
  });
});

describe('a machine that starts anew', () => {
  const joins = (stage: Stage, at: (ms: number, action: () => unknown) => void) => {
    at(70_000, () => annotate(stage, { 'stellar.org/peer-rollout': 'OnRestart' }));
    at(90_000, () => stage.join(3));
  };

  it('makes its validator read its list again, so the validator is not restarted for the peers in that list', async () => {
    const codes: Array<string | undefined> = [];
    const { broken, witness } = await tell({
      ...{ validators: 4, endMs: 700_000 },
      script: (stage, at) => {
        joins(stage, at);
        at(350_000, () => stage.kubelet.reboot('north', 'v0-0'));
        at(395_000, () => codes.push(told(stage).v0, told(stage).v1));
        at(400_000, () => annotate(stage, {}));
      },
    });
    assert.deepEqual(codes, [undefined, 'OnRestart']);
    assert.deepEqual(broken, []);
    assert.deepEqual(witness.restarts.map(({ node }) => node).sort(), ['north/v1', 'north/v2']);
  });
});

describe('a StatefulSet that is being deleted, but is kept by a finalizer', () => {
  it('has none of its pods restarted or deleted, because the pods would not come back', async () => {
    const finalizers = [{ op: 'add', path: '/metadata/finalizers', value: ['example.org/keep'] }] as const;
    const { broken, stage, witness } = await tell({
      ...{ validators: 4, endMs: 400_000 },
      script: (stage, at) => {
        at(80_000, () => stage.server.admin.patch(setRef('v0'), finalizers));
        at(81_000, () => stage.server.admin.delete(setRef('v0'), {}));
        at(90_000, () => stage.join(3));
      },
    });
    assert.deepEqual(broken, []);
    assert.deepEqual(witness.restarts.map(({ node }) => node).sort(), ['north/v1', 'north/v2']);
    assert.equal(told(stage).v0, 'Unsettled');
  });
});
