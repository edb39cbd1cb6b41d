/** Which validators status and rollout plan show: by namespace, and by labels as kubectl selects. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../app/settings.ts';
import { UsageError } from '../../../cli/exit.ts';
import type { FlagValues } from '../../../cli/flags.ts';
import type { Session } from '../../../cli/session.ts';
import { shownBy } from '../../../cli/shown.ts';
import { KubeError, type KubeObject } from '../../../runtime/kube/port.ts';
import { StellarNodes } from '../../../runtime/kube/resources.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';

const NODES: KubeObject[] = [
  { metadata: { namespace: 'one', name: 'a', labels: { tier: 'core' } } },
  { metadata: { namespace: 'one', name: 'b', labels: { tier: 'edge' } } },
  { metadata: { namespace: 'two', name: 'c', labels: { tier: 'core' } } },
];
const SUBJECTS = ['one/a', 'one/b', 'two/c', 'one', 'two', 'one-more/a'];

function cluster(): MemoryKube {
  const kube = new MemoryKube();
  kube.seed(StellarNodes, NODES);
  return kube;
}

/** Which of the subjects these flags show. */
async function shown(flags: FlagValues, kube = cluster(), env: Record<string, string> = {}) {
  const session: Session = {
    ...{
      kube: Object.assign(kube, { version: async () => '' }),
      settings: readSettings(env),
      contextNamespace: 'default',
      where: '',
    },
    nowMs: () => 0,
  };
  return SUBJECTS.filter(await shownBy({ flags }, session));
}

describe('the selection', () => {
  it('has all objects, or a namespace and the objects in it', async () => {
    assert.deepEqual(await shown({}), SUBJECTS);
    assert.deepEqual(await shown({ namespace: 'one' }), ['one/a', 'one/b', 'one']);
    assert.deepEqual(await shown({ namespace: 'one', 'all-namespaces': true }), SUBJECTS);
  });

  it('has the objects that the API server selects by -l, and their namespaces', async () => {
    assert.deepEqual(await shown({ selector: 'tier=core' }), ['one/a', 'two/c', 'one', 'two']);
    assert.deepEqual(await shown({ selector: 'tier=core', namespace: 'one' }), ['one/a', 'one']);
    assert.deepEqual(await shown({ selector: 'tier=none' }), []);
  });

  it('is requested only in namespaces whose validators are watched', async () => {
    const kube = cluster();
    assert.deepEqual(await shown({ selector: 'tier=core' }, kube, { WATCH_NAMESPACES: 'one' }), [
      'one/a',
      'one',
    ]);
    assert.deepEqual(kube.requests, ['list /apis/stellar.org/v1alpha1/namespaces/one/stellarnodes']);
  });

  it('fails with one sentence on wrong usage if the API server cannot read the selector', async () => {
    const kube = cluster();
    const path = 'GET /apis/stellar.org/v1alpha1/stellarnodes?labelSelector=tier+in+core';
    const words = "unable to parse requirement: found 'core', expected: '('";
    kube.intercept = () => {
      throw new KubeError(`${path}: 400 ${words}`, { status: 400, reason: 'BadRequest' });
    };
    await assert.rejects(shown({ selector: 'tier in core' }, kube), (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(
        error.message,
        `-l takes a label selector such as tier=core or 'tier in (core,edge)', not tier in core (${words})`,
      );
      return true;
    });
    kube.intercept = () => {
      throw new KubeError('forbidden', { status: 403 });
    };
    await assert.rejects(shown({ selector: 'tier=core' }, kube), /^KubeError: forbidden$/);
  });
});
