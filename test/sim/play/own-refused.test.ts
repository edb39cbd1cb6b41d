/** A refused ConfigMap of ours: the others are not affected, and the refusal is reported. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError } from '../../../runtime/kube/port.ts';
import { ConfigMaps, type ObjectRef } from '../../../runtime/kube/resources.ts';
import { OWN, type Stage } from './stage.ts';
import { tell, told } from './story.ts';

const REF = { resource: ConfigMaps, namespace: OWN, name: OWN };

/** From now on, each apply of our ConfigMap in this namespace fails. */
function refuse({ server }: Stage, namespace: string): void {
  const { store } = server;
  const apply = store.apply.bind(store);
  store.apply = (ref: ObjectRef, ...rest: unknown[]) => {
    if (ref.namespace === namespace && ref.name === OWN)
      throw new KubeError('hands off', { status: 403, reason: 'Forbidden' });
    return (apply as (ref: ObjectRef, ...rest: unknown[]) => ReturnType<typeof apply>)(ref, ...rest);
  };
}

describe('our own ConfigMap that is deleted and refused', () => {
  for (const isPaused of [false, true])
    it(`does not affect a validator that joins${isPaused ? ', also while everything was paused' : ''}`, async () => {
      const { stage } = await tell({
        validators: 4,
        script: (played, at) => {
          const { admin } = played.server;
          const value = { 'stellar.org/peer-rollout': 'paused' };
          if (isPaused)
            at(40_000, () => admin.patch(REF, [{ op: 'add', path: '/metadata/annotations', value }]));
          at(50_000, () => {
            refuse(played, OWN);
            void admin.delete(REF, {});
          });
          at(90_000, () => played.join(3));
        },
        endMs: 300_000,
      });
      const published = stage.server.store.get({ ...REF, namespace: 'north' });
      assert.ok(Object.keys((published?.data ?? {}) as object).some((key) => key.startsWith('v3.')));
    });
});

describe('a namespace that takes no ConfigMap of ours', () => {
  it('has a reason for its validators that the write is refused, and not that the ConfigMap is missing', async () => {
    const { stage } = await tell({
      ...{ validators: 4, settings: { ADOPT_EXISTING: 'restart' }, endMs: 120_000 },
      script: (played) => {
        refuse(played, 'north');
        played.webhookDown(20_000);
      },
    });
    assert.equal(told(stage).v0, 'RefusedByPolicy');
  });
});
