import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reason } from '../../../peers/reasons/reasons.ts';
import type { PatchOperation } from '../../../runtime/kube/port.ts';
import { ConfigMaps, type ObjectRef } from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { NOW_MS, stamp } from './group.ts';
import { JOINED, namespaceRef, podRef, Restarting, statefulSetRef } from './restarting.ts';

const at = (secondsAgo: number): string => new Date(NOW_MS - secondsAgo * 1000).toISOString();
const bare = (createdAt: string) => ({
  pod: { injected: false, ready: false, annotations: {}, createdAt },
});

const OWN_CONFIGMAP: ObjectRef = { resource: ConfigMaps, namespace: 'stellar-peers', name: 'stellar-peers' };
const READY = '/status/conditions/0/status';
const PAUSE: PatchOperation = {
  op: 'add',
  path: '/metadata/annotations',
  value: { 'stellar.org/peer-rollout': 'paused' },
};

/** The attempt, with what was planned before `between` happened. */
async function attempted(stage: Restarting, between: () => Promise<unknown> = async () => undefined) {
  const wanted = await stage.wanted();
  await between();
  return { wanted, attempt: await stage.restarter().attempt(wanted) };
}

const writes = ({ kube }: Restarting) => kube.requests.filter((each) => !/^(get|list) /.test(each));

describe('a restart of a Ready validator', () => {
  it('is written to the journal, and then to the template', async () => {
    const stage = new Restarting();
    const version = stage.kube.observe(statefulSetRef('a'))?.metadata.resourceVersion;
    const { wanted, attempt } = await attempted(stage);
    assert.equal(attempt.kind, 'begun');
    assert.deepEqual(stage.tokens(), { a: wanted.token });
    assert.deepEqual(stage.entries(), [
      {
        statefulSet: 'stellar/a',
        kind: 'bump',
        uids: ['pod-a'],
        names: ['a-0'],
        token: wanted.token,
        version,
        drift: 'short',
        atMs: NOW_MS,
      },
    ]);
    const order = writes(stage).map((request) => request.split(' ')[0]);
    assert.deepEqual(order, ['apply', 'replace', 'patch']);
  });

  it('changes only one annotation of the StatefulSet', async () => {
    for (const annotations of [{}, { 'prometheus.io/scrape': 'true', 'stellar.org/peer-restart': 'old' }]) {
      const stage = new Restarting({ ...JOINED, a: { knows: ['b', 'c'], statefulSet: { annotations } } });
      const before = structuredClone(stage.kube.observe(statefulSetRef('a')));
      const { wanted } = await attempted(stage);
      const after = structuredClone(stage.kube.observe(statefulSetRef('a')));
      const { template } = (after?.spec ?? {}) as { template: { metadata: { annotations: object } } };
      assert.deepEqual(template.metadata.annotations, {
        ...annotations,
        'stellar.org/peer-restart': wanted.token,
      });
      template.metadata.annotations = annotations;
      assert.deepEqual(after?.spec, before?.spec);
      assert.deepEqual(after?.metadata.labels, before?.metadata.labels);
    }
  });

  it('is begun only once by two replicas that both believe that they lead', async () => {
    const stage = new Restarting();
    const wanted = await stage.wanted();
    const attempts = await Promise.all([1, 2].map(() => stage.restarter().attempt(wanted)));
    assert.deepEqual(attempts.map(({ kind }) => kind).sort(), ['begun', 'changed']);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.deepEqual(stage.tokens(), { a: wanted.token });
  });
});

describe('nothing is begun, and nothing written,', () => {
  const untouched = (stage: Restarting) => assert.deepEqual([stage.tokens(), stage.entries()], [{}, []]);

  it('if the cluster has changed since the caches were filled', async () => {
    const changes: Record<string, (stage: Restarting) => Promise<unknown>> = {
      'another went down': (stage) =>
        stage.change(podRef('b'), { op: 'replace', path: READY, value: 'False' }),
      'its pod was replaced': (stage) => stage.recreate('a', { annotations: stamp(['b', 'c']) }),
      'everything was paused': (stage) => stage.change(OWN_CONFIGMAP, PAUSE),
      'its namespace was paused': (stage) => stage.change(namespaceRef, PAUSE),
      'its operator rolls it': (stage) =>
        stage.change(statefulSetRef('a'), { op: 'replace', path: '/status/updateRevision', value: 'r2' }),
      'its StatefulSet is gone': (stage) => stage.kube.delete(statefulSetRef('a'), {}),
    };
    for (const [what, change] of Object.entries(changes)) {
      const stage = new Restarting();
      const { attempt } = await attempted(stage, () => change(stage));
      assert.equal(attempt.kind, 'changed', what);
      untouched(stage);
    }
  });

  it('if the webhook would not inject the new pod', async () => {
    const stage = new Restarting();
    stage.unanswered = reason('WebhookNotAnswering', 'connection refused');
    const { attempt } = await attempted(stage);
    assert.deepEqual(attempt, { kind: 'obstructed', reason: stage.unanswered, retryMs: 5_000 });
    assert.deepEqual(writes(stage), []);
  });

  it('if another process wrote to the journal since it was read', async () => {
    const stage = new Restarting(JOINED, { journal: { another: '{"restarts":[]}' } });
    const { attempt } = await attempted(stage, async () => {
      stage.before(/^replace .*restarts$/, () =>
        stage.change(stage.journal.ref, { op: 'add', path: '/data/another', value: '{"restarts": []}' }),
      );
    });
    assert.equal(attempt.kind, 'changed');
    untouched(stage);
  });

  it('if the replica does not lead any more', async () => {
    const stage = new Restarting();
    stage.mayWrite = () => false;
    const { attempt } = await attempted(stage);
    assert.equal(attempt.kind, 'changed');
    assert.deepEqual(writes(stage), []);
  });

  it('if a live read from the API server fails', async () => {
    for (const plural of ['stellarnodes', 'pods', 'poddisruptionbudgets', 'mutatingwebhookconfigurations']) {
      const stage = new Restarting();
      const attempt = attempted(stage, async () => {
        stage.kube.intercept = (request) => {
          if (request.startsWith('list') && request.endsWith(`/${plural}`)) throw failure(500, '', 'no');
        };
      });
      await assert.rejects(attempt, { status: 500 });
      untouched(stage);
    }
  });
});

describe('an intent that was written but not carried out', () => {
  it('is removed from the journal if leadership was lost between the journal and the write', async () => {
    const stage = new Restarting();
    stage.mayWrite = () => stage.entries().length === 0;
    const { attempt } = await attempted(stage);
    assert.equal(attempt.kind, 'changed');
    assert.deepEqual([stage.tokens(), stage.outcomes()], [{}, []]);
  });

  it('is removed if another process wrote to the StatefulSet since it was read', async () => {
    const stage = new Restarting();
    const { attempt } = await attempted(stage, async () =>
      stage.before(/^patch .*statefulsets\/a$/, () =>
        stage.change(statefulSetRef('a'), { op: 'add', path: '/spec/replicas', value: 2 }),
      ),
    );
    assert.equal(attempt.kind, 'conflict');
    assert.deepEqual([stage.tokens(), stage.outcomes()], [{}, []]);
  });

  it('is removed if the write was refused, and the refusal is reported', async () => {
    const byWebhook = 'admission webhook "house.example.org" denied the request: not on Fridays';
    for (const [status, words] of [
      [403, 'the policy of the house'],
      [422, 'the policy of the house'],
      [400, byWebhook],
      [409, byWebhook],
      [500, byWebhook],
    ] as const) {
      const stage = new Restarting();
      stage.kube.intercept = (request) => {
        if (/^patch .*statefulsets/.test(request)) throw failure(status, '', words);
      };
      const { attempt } = await attempted(stage);
      assert.deepEqual(attempt, { kind: 'refused', reason: reason('RefusedByPolicy', words) });
      assert.deepEqual([stage.tokens(), stage.outcomes()], [{}, []]);
    }
  });

  it('is removed if the write was stored without the annotation, and this is reported', async () => {
    const stage = new Restarting();
    const { patch } = stage.kube;
    stage.kube.patch = (ref, operations) =>
      patch(
        ref,
        operations.filter(({ path }) => path === '/metadata/resourceVersion'),
      );
    const { attempt } = await attempted(stage);
    assert.equal(attempt.kind === 'refused' && attempt.reason.code, 'RestartReverted');
    assert.deepEqual([stage.tokens(), stage.outcomes()], [{}, []]);
  });

  it('stays open if the journal cannot be written either', async () => {
    const stage = new Restarting();
    stage.kube.intercept = (request) => {
      if (/^patch .*statefulsets/.test(request)) throw failure(403, '', 'the policy of the house');
      if (/^replace/.test(request) && stage.entries().length > 0) throw failure(500, '', 'no');
    };
    const { attempt } = await attempted(stage);
    assert.equal(attempt.kind, 'refused');
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
  });

  it('is removed if only the answer to the journal write was lost: no restart was written', async () => {
    const stage = new Restarting();
    const { replace } = stage.kube;
    stage.kube.replace = async (ref, object) => {
      stage.kube.replace = replace;
      await replace(ref, object);
      throw failure(0, '', 'no answer');
    };
    const { attempt } = await attempted(stage);
    assert.equal(attempt.kind === 'obstructed' && attempt.reason.code, 'JournalUnwritable');
    assert.deepEqual([stage.outcomes(), stage.tokens()], [[], {}]);
  });

  it('stays open if no answer came, because the restart may have been carried out', async () => {
    for (const status of [0, 500, 504]) {
      for (const arrived of [false, true]) {
        const stage = new Restarting();
        const { patch } = stage.kube;
        stage.kube.patch = async (ref, operations) => {
          if (arrived) await patch(ref, operations);
          throw failure(status, '', 'no answer');
        };
        const { attempt } = await attempted(stage);
        assert.equal(attempt.kind, 'unanswered');
        assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
        assert.deepEqual(Object.keys(stage.tokens()), arrived ? ['a'] : []);
      }
    }
  });
});

describe('a restart of a validator that is not Ready', () => {
  const SPECS = { a: bare(at(1_000)), b: {}, c: {} };

  it('deletes its pod, after the journal was written', async () => {
    const stage = new Restarting(SPECS);
    const { attempt } = await attempted(stage);
    assert.equal(attempt.kind, 'begun');
    assert.equal(stage.kube.observe(podRef('a')), undefined);
    assert.deepEqual(stage.outcomes(), ['stellar/a: open']);
    assert.deepEqual(
      stage.entries().map(({ kind, uids }) => [kind, uids]),
      [['delete', ['pod-a']]],
    );
    assert.deepEqual(stage.tokens(), {});
  });

  it('does not delete a pod that has changed, or another pod of the same name', async () => {
    const changes: Array<(stage: Restarting) => Promise<void>> = [
      (stage) => stage.change(podRef('a'), { op: 'replace', path: READY, value: 'True' }),
      (stage) => stage.recreate('a', { injected: false, ready: false }),
    ];
    for (const change of changes) {
      const stage = new Restarting(SPECS);
      const { attempt } = await attempted(stage, async () =>
        stage.before(/^delete .*pods\/a-0$/, () => change(stage)),
      );
      assert.equal(attempt.kind, 'conflict');
      assert.ok(stage.kube.observe(podRef('a')));
      assert.deepEqual(stage.outcomes(), []);
    }
  });

  it('sends both preconditions', async () => {
    const stage = new Restarting(SPECS);
    const version = stage.kube.observe(podRef('a'))?.metadata.resourceVersion;
    const sent: unknown[] = [];
    const remove = stage.kube.delete;
    stage.kube.delete = (ref, preconditions) => {
      sent.push(preconditions);
      return remove(ref, preconditions);
    };
    await attempted(stage);
    assert.deepEqual(sent, [{ uid: 'pod-a', resourceVersion: version }]);
  });
});
