/** Conformance of server-side apply: who holds which field, and what happens to the others. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { StatefulSets } from '../../runtime/kube/resources.ts';
import { Subject, setBody } from './conformance-sets.ts';
import { body, dataOf, NAME, ofTwo, refIn, refusal } from './conformance-subjects.ts';
import { type Check, check } from './conformant.ts';

const FENCE = 'stellar.org/peer-fence';
const SOON_MS = 700;

export const APPLY_CHECKS: readonly Check[] = [
  check('apply creates what is not there, and keeps what others applied', async (cluster) => {
    const two = await ofTwo(cluster);
    assert.deepEqual(await dataOf(two), { a: '1', b: '1' });
  }),
  check(
    'apply with an old resourceVersion is a conflict, and apply with another uid is invalid, forced or not',
    async (cluster) => {
      const two = await ofTwo(cluster);
      const { kube, space, ref, object } = two;
      const { resourceVersion = '', uid = '' } = object.metadata;
      const at = (condition: object): KubeObject => {
        const wanted = body(space, { a: '1', c: '1' });
        return { ...wanted, metadata: { ...wanted.metadata, ...condition } };
      };
      const applied = await kube.apply(ref, at({ resourceVersion, uid }), { manager: 'first' });
      assert.ok(Number(applied.metadata.resourceVersion) > Number(resourceVersion));
      for (const force of [false, true]) {
        const late = kube.apply(ref, at({ resourceVersion }), { manager: 'first', force });
        assert.equal(await refusal(late), '409 Conflict');
        const another = kube.apply(ref, at({ uid: 'another' }), { manager: 'first', force });
        assert.equal(await refusal(another), '422 Invalid');
      }
      assert.equal((await kube.get(ref))?.metadata.resourceVersion, applied.metadata.resourceVersion);
    },
  ),
  check('apply of an annotation to a StatefulSet is a new version, and no roll', async (cluster) => {
    const subject = await Subject.create(cluster, {});
    await subject.untilSettled(1);
    const before = await subject.uids();
    const set = await subject.set();
    const { name, namespace = '', uid = '' } = set.metadata;
    const metadata = { name, namespace, uid, annotations: { [FENCE]: 'token' } };
    const applied = await cluster.kube.apply(subject.ref, { metadata }, { manager: 'third' });
    assert.ok(Number(applied.metadata.resourceVersion) > Number(set.metadata.resourceVersion));
    assert.deepEqual(applied.spec, set.spec);
    await cluster.pass(SOON_MS);
    assert.deepEqual(await subject.uids(), before);
  }),
  check("apply of another manager's key is a conflict, unless it has that value already", async (cluster) => {
    const { kube, space, ref, object } = await ofTwo(cluster);
    const same = await kube.apply(ref, body(space, { a: '1', b: '1' }), { manager: 'second' });
    assert.deepEqual(same.data, { a: '1', b: '1' });
    const version = Number(object.metadata.resourceVersion);
    assert.ok(Number(same.metadata.resourceVersion) > version, 'a new holder is a change');
    const other = kube.apply(ref, body(space, { a: '2' }), { manager: 'second' });
    assert.equal(await refusal(other), '409 Conflict');
  }),
  check('a forced apply takes the key, and its former manager conflicts from then on', async (cluster) => {
    const two = await ofTwo(cluster);
    const { kube, space, ref } = two;
    await kube.apply(ref, body(space, { a: '2', b: '1' }), { manager: 'second', force: true });
    assert.deepEqual(await dataOf(two), { a: '2', b: '1' });
    assert.equal(
      await refusal(kube.apply(ref, body(space, { a: '1' }), { manager: 'first' })),
      '409 Conflict',
    );
    await kube.apply(ref, body(space, {}), { manager: 'first' });
    assert.deepEqual(await dataOf(two), { a: '2', b: '1' }, 'it is the second one that holds it');
  }),
  check('a key that its manager leaves out is gone, unless another holds it too', async (cluster) => {
    const two = await ofTwo(cluster);
    const { kube, space, ref } = two;
    await kube.apply(ref, body(space, { b: '1', c: '1' }), { manager: 'first' });
    assert.deepEqual(await dataOf(two), { b: '1', c: '1' });
    await kube.apply(ref, body(space, { c: '1' }), { manager: 'second' });
    assert.deepEqual(await dataOf(two), { b: '1', c: '1' }, 'the first holds b as well');
    await kube.apply(ref, body(space, {}), { manager: 'first' });
    assert.deepEqual(await dataOf(two), { c: '1' });
  }),
  check(
    'after a plain edit of a key, an unforced apply of this key conflicts, and a forced apply restores its value',
    async (cluster) => {
      const two = await ofTwo(cluster);
      const { kube, space, ref } = two;
      const live = await kube.get(ref);
      assert.ok(live);
      await kube.replace(ref, { ...live, data: { a: 'edited', b: '1' } });
      const again = { manager: 'first' };
      assert.equal(await refusal(kube.apply(ref, body(space, { a: '1' }), again)), '409 Conflict');
      await kube.apply(ref, body(space, { a: '1' }), { ...again, force: true });
      assert.deepEqual(await dataOf(two), { a: '1', b: '1' });
    },
  ),
  check('a key that was edited away comes back with the next apply', async (cluster) => {
    const two = await ofTwo(cluster);
    const { kube, space, ref } = two;
    await kube.patch(ref, [{ op: 'remove', path: '/data/a' }]);
    await kube.apply(ref, body(space, { a: '1' }), { manager: 'first' });
    assert.deepEqual(await dataOf(two), { a: '1', b: '1' });
  }),
  check('labels and annotations are applied key by key', async ({ kube, namespace }) => {
    const space = await namespace();
    const ref = refIn(space);
    const labelled = (labels: Record<string, string>, annotations: Record<string, string>) => ({
      metadata: { name: NAME, namespace: space, labels, annotations },
    });
    await kube.apply(ref, labelled({ l: '1' }, { x: '1' }), { manager: 'first' });
    await kube.apply(ref, labelled({ m: '1' }, { y: '1' }), { manager: 'second' });
    await kube.apply(ref, labelled({}, { x: '1' }), { manager: 'first' });
    const { metadata } = (await kube.get(ref)) ?? assert.fail();
    assert.deepEqual(metadata.labels, { m: '1' });
    assert.deepEqual(metadata.annotations, { x: '1', y: '1' });
    const other = kube.apply(ref, labelled({}, { x: '2' }), { manager: 'second' });
    assert.equal(await refusal(other), '409 Conflict');
  }),
  check('managedFields tell who applied which key', async (cluster) => {
    const { kube, ref } = await ofTwo(cluster);
    const { managedFields = [] } = (await kube.get(ref))?.metadata ?? assert.fail();
    const held = managedFields.map(({ manager, operation, fieldsV1 }) => {
      const keys = Object.keys((fieldsV1 as Record<string, object>)['f:data'] ?? {});
      return `${manager} ${operation} ${keys.filter((key) => key !== '.').join()}`;
    });
    assert.deepEqual(held.sort(), ['first Apply f:a', 'second Apply f:b']);
  }),
  check(
    'fields of a template that another manager applied or edited stay when its owner applies again',
    async ({ kube, namespace }) => {
      const space = await namespace();
      const ref = { resource: StatefulSets, namespace: space, name: NAME };
      const owner = { manager: 'operator', force: true };
      const wanted = setBody(space, NAME, { replicas: 0 });
      await kube.apply(ref, wanted, owner);
      const more = [{ name: 'more', emptyDir: {} }];
      await kube.patch(ref, [
        { op: 'add', path: '/spec/template/metadata/annotations/added', value: '1' },
        { op: 'add', path: '/spec/template/spec/volumes', value: more },
      ]);
      await kube.patch(ref, [{ op: 'replace', path: '/spec/replicas', value: 3 }]);
      const { spec } = await kube.apply(ref, wanted, owner);
      const { replicas, template } = spec as {
        replicas: number;
        template: { metadata: KubeObject['metadata']; spec: { volumes: Array<{ name: string }> } };
      };
      assert.equal(replicas, 0, 'what the owner applies is put back');
      assert.equal(template.metadata.annotations?.added, '1');
      assert.deepEqual(
        template.spec.volumes.map(({ name }) => name),
        ['more'],
      );
    },
  ),
];
