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
  it('ends as soon as the caches show that version, and not while they show the one before', async (t) => {
    const watched = await watching(t);
    const { metadata: before } = await apply(watched, { 'a.peers.txt': 'another' });
    const from = before.resourceVersion ?? '';
    const isOver = waitFor(watched, { from, version: 'still to come' });
    await watched.settle();
    assert.equal(isOver(), false);
    const { metadata } = await apply(watched, DATA);
    await watched.settle();
    assert.equal(isOver(), true);
    const again = waitFor(watched, { from, version: metadata.resourceVersion ?? '' });
    await watched.settle();
    assert.equal(again(), true);
  });

  it('ends at once where a write changed nothing', async (t) => {
    const watched = await watching(t);
    const { metadata } = await apply(watched, DATA);
    await watched.settle();
    const version = metadata.resourceVersion ?? '';
    const isOver = waitFor(watched, { from: version, version });
    await watched.settle();
    assert.equal(isOver(), true);
  });

  it('is none where others have changed our keys since, again and again', async (t) => {
    const watched = await watching(t);
    const { metadata: before } = await apply(watched, DATA);
    await apply(watched, { 'a.peers.txt': 'of others' });
    await watched.settle();
    const isOver = waitFor(watched, { from: before.resourceVersion ?? '', version: 'gone by' });
    await watched.settle();
    assert.equal(isOver(), true);
  });

  it('is none where others delete it as soon as it is there', async (t) => {
    const watched = await watching(t);
    const { metadata: before } = await apply(watched, DATA);
    await watched.settle();
    const isOver = waitFor(watched, { from: before.resourceVersion ?? '', version: 'gone by' });
    await watched.settle();
    assert.equal(isOver(), false);
    await watched.kube.delete(ref, {});
    await watched.settle();
    assert.equal(isOver(), true);
  });

  it('is for what was just created too, and ends after its time', async (t) => {
    const watched = await watching(t);
    const isOver = waitFor(watched, { from: 'just created', version: 'still to come' });
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
