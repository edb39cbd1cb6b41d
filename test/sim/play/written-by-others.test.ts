/** Others change the journal, a quorum set or the pod in the middle of a restart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Events, StellarNodes } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { JOURNAL_REF } from './hindering.ts';
import { podRef, tell, told } from './story.ts';

describe('a journal that is deleted in the middle of a restart', () => {
  it('lets no second validator go down: the validator that is being rolled uses up the budget', async () => {
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

describe('a journal that is restored from a backup', () => {
  it('holds nothing for a restart that was under way at the backup, and repeats no restart', async () => {
    let saved: object | undefined;
    const { broken, stage, witness } = await tell({
      ...{ validators: 4, endMs: 900_000 },
      script: (stage, at) => {
        const { admin, store } = stage.server;
        at(90_000, () => stage.join(3));
        stage.atNextBump.set('north/v0', () =>
          at(200, () => {
            saved = fieldsAt(store.get(JOURNAL_REF)?.data);
          }),
        );
        at(400_000, () => {
          const live = store.get(JOURNAL_REF);
          return live && admin.replace(JOURNAL_REF, { ...live, data: saved });
        });
      },
    });
    const text = Object.values(fieldsAt(stage.server.store.get(JOURNAL_REF)?.data)).join('');
    assert.deepEqual(text.match(/"outcome": "\w+"/g), ['"outcome": "done"']);
    assert.deepEqual([broken, witness.restarts.length], [[], 3]);
  });
});

describe('a quorum set that is narrowed after a bump that has replaced no pod', () => {
  it('makes the leader take the bump back, and is reported as QuorumMargin', async () => {
    const ref = { resource: StellarNodes, namespace: 'north', name: 'v1' };
    const { broken, stage, witness } = await tell({
      ...{ validators: 4, percent: 67, endMs: 500_000 },
      script: (stage, at) => {
        at(90_000, () => stage.join(3));
        stage.atNextBump.set('north/v0', () => {
          stage.controller.rest(25_000);
          at(1_000, () => {
            const { validatorConfig } = fieldsAt(stage.server.store.get(ref)?.spec);
            const value = String(fieldsAt(validatorConfig).quorumSet).replace('67', '100');
            const path = '/spec/validatorConfig/quorumSet';
            return stage.server.admin.patch(ref, [{ op: 'replace', path, value }]);
          });
        });
      },
    });
    assert.deepEqual([broken, witness.restarts.map(({ end }) => end)], [[], ['defused']]);
    assert.deepEqual(Object.values(told(stage)), ['QuorumMargin', 'QuorumMargin', 'QuorumMargin']);
  });
});

describe('a restart that is taken back while its pod is being deleted', () => {
  it('is not reported as a restart that was reverted before a pod was replaced', async () => {
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
