/** Conformance of lists and watches: what is selected, in which order changes come, and what an old version gets. */
import assert from 'node:assert/strict';
import {
  type Kube,
  KubeError,
  type KubeObject,
  type ListQuery,
  type WatchEvent,
} from '../../runtime/kube/port.ts';
import { ConfigMaps, Pods, type Resource, StellarNodes } from '../../runtime/kube/resources.ts';
import { Subject } from './conformance-sets.ts';
import { type Check, check } from './conformant.ts';

const body = (namespace: string, name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
});

/** Everything that one watch says, until it is stopped. */
class Watched {
  readonly #stop = new AbortController();
  readonly #events: WatchEvent[] = [];
  readonly ended: Promise<void>;

  constructor(kube: Kube, query: ListQuery & { resourceVersion: string }, resource: Resource = ConfigMaps) {
    const take = (event: WatchEvent) => void this.#events.push(event);
    this.ended = kube.watch(resource, query, take, this.#stop.signal);
  }

  get events(): readonly WatchEvent[] {
    return this.#events.filter(({ type }) => type !== 'BOOKMARK');
  }

  /** As `ADDED name` each. */
  get told(): string[] {
    return this.events.map(({ type, object }) => `${type} ${object.metadata.name}`);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }
}

const dataPatch = (value: string) => [{ op: 'add', path: '/data', value: { value } }] as const;

export const WATCH_CHECKS: readonly Check[] = [
  check(
    'a list selects by namespace, name and labels, also by set-based selectors, and is in order of names',
    async ({ kube, namespace }) => {
      const space = await namespace();
      await kube.create(ConfigMaps, body(space, 'c', { tier: 'one', extra: 'yes' }));
      await kube.create(ConfigMaps, body(space, 'a', { tier: 'one' }));
      await kube.create(ConfigMaps, body(space, 'b', { tier: 'two' }));
      const named = async (query: ListQuery) => {
        const { items } = await kube.list(ConfigMaps, { namespace: space, ...query });
        const names = items.map(({ metadata }) => metadata.name).filter((name) => !name.startsWith('kube-'));
        return names.join('');
      };
      assert.equal(await named({}), 'abc');
      assert.equal(await named({ fieldSelector: 'metadata.name=b' }), 'b');
      assert.equal(await named({ labelSelector: 'tier=one' }), 'ac');
      assert.equal(await named({ labelSelector: 'tier=one,extra=yes' }), 'c');
      assert.equal(await named({ labelSelector: 'tier in (one,two),!extra' }), 'ab');
      assert.equal(await named({ labelSelector: 'extra' }), 'c');
      assert.equal(await named({ labelSelector: 'tier,tier notin (two)' }), 'ac');
      assert.equal(await named({ labelSelector: 'tier,tier!=one' }), 'b');
      const everywhere = await kube.list(ConfigMaps, { fieldSelector: 'metadata.name=b' });
      assert.ok(everywhere.items.some(({ metadata }) => metadata.namespace === space));
    },
  ),
  check(
    'a watch from the version of a list sees every later change, in order, with its version',
    async ({ kube, namespace, until }) => {
      const space = await namespace();
      const ref = { resource: ConfigMaps, namespace: space, name: 'a' };
      await kube.create(ConfigMaps, body(space, 'before'));
      const { resourceVersion } = await kube.list(ConfigMaps, { namespace: space });
      const written = [await kube.create(ConfigMaps, body(space, 'a'))];
      written.push(await kube.patch(ref, dataPatch('1')));
      const watched = new Watched(kube, { namespace: space, resourceVersion });
      written.push(await kube.patch(ref, dataPatch('2')));
      await kube.patch(ref, dataPatch('2'));
      await kube.delete(ref, {});
      await until('the deletion is told', () => watched.told.includes('DELETED a'));
      await watched.stop();
      assert.deepEqual(watched.told, ['ADDED a', 'MODIFIED a', 'MODIFIED a', 'DELETED a']);
      const versions = watched.events.map(({ object }) => Number(object.metadata.resourceVersion));
      assert.deepEqual(
        versions.slice(0, 3),
        written.map(({ metadata }) => Number(metadata.resourceVersion)),
      );
      assert.ok((versions[3] ?? 0) > (versions[2] ?? 0), 'a deletion has a version of its own');
    },
  ),
  check(
    'a watch by labels shows an object as added when its labels match, and as deleted when they no longer do',
    async ({ kube, namespace, until }) => {
      const space = await namespace();
      const ref = { resource: ConfigMaps, namespace: space, name: 'a' };
      const labelled = (tier: string) => [{ op: 'add', path: '/metadata/labels', value: { tier } }] as const;
      const { resourceVersion } = await kube.list(ConfigMaps, { namespace: space });
      const watched = new Watched(kube, { namespace: space, labelSelector: 'tier=one', resourceVersion });
      await kube.create(ConfigMaps, body(space, 'a', { tier: 'two' }));
      await kube.patch(ref, labelled('one'));
      await kube.patch(ref, dataPatch('1'));
      const gone = await kube.patch(ref, labelled('two'));
      await kube.patch(ref, dataPatch('2'));
      await kube.patch(ref, labelled('one'));
      await until('it comes back', () => watched.events.length === 4);
      await watched.stop();
      assert.deepEqual(watched.told, ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a']);
      const deleted = watched.events[2]?.object.metadata;
      assert.equal(deleted?.resourceVersion, gone.metadata.resourceVersion);
      assert.deepEqual(deleted?.labels, { tier: 'one' }, 'as it was when it was last selected');
    },
  ),
  check('a watch by name over all namespaces sees only that name', async ({ kube, namespace, until }) => {
    const [one, two] = [await namespace(), await namespace()];
    const { resourceVersion } = await kube.list(ConfigMaps, {});
    const name = `only-${one}`;
    const watched = new Watched(kube, { fieldSelector: `metadata.name=${name}`, resourceVersion });
    await kube.create(ConfigMaps, body(one, 'another'));
    await kube.create(ConfigMaps, body(one, name));
    await kube.create(ConfigMaps, body(two, name));
    await until('both are told', () => watched.events.length === 2);
    await watched.stop();
    assert.deepEqual(
      watched.events.map(({ object }) => object.metadata.namespace),
      [one, two],
    );
  }),
  check('a watch of pods is told of the wish to delete one, and of its end', async (cluster) => {
    const subject = await Subject.create(cluster, {});
    await subject.untilSettled(1);
    const { uid = '', resourceVersion = '' } = (await subject.pod(0))?.metadata ?? {};
    const watched = new Watched(cluster.kube, { namespace: subject.namespace, resourceVersion }, Pods);
    await cluster.kube.delete({ resource: Pods, ...subject.podName(0) }, { uid, resourceVersion });
    const ofOld = () => watched.events.filter(({ object }) => object.metadata.uid === uid);
    await cluster.until('its end is told', () => ofOld().some(({ type }) => type === 'DELETED'));
    await watched.stop();
    const [first] = ofOld();
    assert.equal(first?.type, 'MODIFIED');
    assert.ok(first.object.metadata.deletionTimestamp);
    assert.equal(ofOld().at(-1)?.type, 'DELETED');
  }),
  check('a watch that is aborted resolves, and says nothing more', async ({ kube, namespace, pass }) => {
    const space = await namespace();
    const { resourceVersion } = await kube.list(ConfigMaps, { namespace: space });
    const watched = new Watched(kube, { namespace: space, resourceVersion });
    await watched.stop();
    await kube.create(ConfigMaps, body(space, 'late'));
    await pass(200);
    assert.deepEqual(watched.told, []);
  }),
  check(
    'a watch from a compacted version gets a 410, as the answer or as an event',
    async ({ kube, namespace, compact, until }) => {
      await namespace();
      compact();
      // If a kind was defined later than version 1, the real server never had a history from version 1.
      const watched = new Watched(kube, { resourceVersion: '1' }, StellarNodes);
      let failure: unknown;
      watched.ended.catch((error: unknown) => {
        failure = error;
      });
      await until('it is refused', () => failure !== undefined || watched.events.length > 0);
      if (failure === undefined) {
        const [event] = watched.events;
        assert.equal(event?.type, 'ERROR');
        assert.deepEqual([event?.object.code, event?.object.reason], [410, 'Expired']);
        await watched.stop();
      } else {
        assert.ok(failure instanceof KubeError);
        assert.equal(failure.status, 410);
      }
    },
  ),
];
