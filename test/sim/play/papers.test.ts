/** What is said and written of restarts while the journal is deleted, or a controller is quick. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Events } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { JOURNAL_REF } from './hindering.ts';
import { podRef, tell } from './story.ts';

describe('a journal that is deleted in the middle of a restart', () => {
  it('lets no second validator go down: one that is being rolled uses up the budget', async () => {
    const { broken, witness } = await tell({
      ...{ validators: 4, endMs: 500_000 },
      script: (stage, at) => {
        at(90_000, () => stage.join(3));
        stage.atNextBump.set('*', () => {
          stage.controller.rest(15_000);
          at(300, () => stage.server.admin.delete(JOURNAL_REF, {}));
        });
      },
    });
    assert.deepEqual(broken, []);
    assert.equal(witness.restarts.length, 3);
  });
});

describe('a restart that is taken back while its pod is being deleted', () => {
  it('is not told as one that has replaced no pod', async () => {
    const notes: string[] = [];
    const { broken } = await tell({
      validators: 4,
      endMs: 400_000,
      script: (stage, at) => {
        const { store } = stage.server;
        store.onChange(({ resource, next }) => {
          if (resource.kind === Events.kind) notes.push(String(next?.note));
          const text = JSON.stringify(fieldsAt(next?.data));
          const isNoted = next?.metadata.name === JOURNAL_REF.name && /"why/.test(text.replaceAll('\\', ''));
          if (isNoted && store.get(podRef('v0'))?.metadata.deletionTimestamp === undefined)
            store.delete(podRef('v0'), { by: 'statefulset-controller' });
        });
        stage.atNextBump.set('north/v0', () => {
          stage.controller.rest(20_000);
          at(1_000, () => stage.kubelet.setReady('north', 'v1-0', false));
        });
        at(90_000, () => stage.join(3));
      },
    });
    assert.deepEqual(broken, []);
    assert.deepEqual(
      notes.filter((note) => note.includes('before a pod was replaced')),
      [],
    );
  });
});
