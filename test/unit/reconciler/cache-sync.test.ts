import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FIELD_MANAGER } from '../../../peers/names.ts';
import { type Applied, awaitCacheSync } from '../../../reconciler/apply/cache-sync.ts';
import { ConfigMaps } from '../../../runtime/kube/resources.ts';
import { Watched } from '../runtime/watched.ts';

const DATA = { 'a.peers.txt': 'b:11625\n', 'a.peers.toml': 'KNOWN_PEERS=["b:11625"]\n' };
const ref = { resource: ConfigMaps, namespace: 'stellar', name: 'stellar-peers' };

const apply = ({ kube }: Watched, data: Record<string, string>, manager = FIELD_MANAGER) =>
  kube.apply(ref, { metadata: { name: ref.name, namespace: ref.namespace }, data }, { manager, force: true });

/** Begins to wait for `applied`; whether that is over. */
function waitFor({ caches, clock }: Watched, applied: Applied | undefined) {
  let isOver = false;
  void awaitCacheSync(new Map([['stellar', applied]]), { caches, clock }, 1_000).then(() => {
    isOver = true;
  });
  return () => isOver;
}

async function watching(t: TestContext): Promise<Watched> {
  const watched = new Watched(t);
  await watched.start();
  return watched;
}

describe('the wait for what was written', () => {
  it('ends as soon as the caches show that version', async (t) => {
    const watched = await watching(t);
    const isOver = waitFor(watched, { version: '1000', data: DATA });
    await apply(watched, { 'a.peers.txt': 'another' });
    await watched.settle();
    assert.equal(isOver(), false);
    const { metadata } = await apply(watched, DATA);
    await watched.settle();
    assert.equal(isOver(), true);
    const again = waitFor(watched, { version: metadata.resourceVersion ?? '', data: {} });
    await watched.settle();
    assert.equal(again(), true);
  });

  it('ends where another has written since, and ours still stands', async (t) => {
    const watched = await watching(t);
    await apply(watched, DATA);
    await apply(watched, { 'key-of-others': 'value' }, 'stranger');
    await watched.settle();
    const isOver = waitFor(watched, { version: 'gone by', data: DATA });
    await watched.settle();
    assert.equal(isOver(), true);
  });

  it('goes on while a key that was taken away still stands, and ends after its time', async (t) => {
    const watched = await watching(t);
    await apply(watched, { ...DATA, 'b.peers.txt': 'a:11625\n' });
    await watched.settle();
    const isOver = waitFor(watched, { version: 'still to come', data: DATA });
    await watched.pass(999);
    assert.equal(isOver(), false);
    await watched.pass(1);
    assert.equal(isOver(), true);
  });

  it('is none for what was removed', async (t) => {
    const isOver = waitFor(await watching(t), undefined);
    await Promise.resolve();
    assert.equal(isOver(), true);
  });
});
