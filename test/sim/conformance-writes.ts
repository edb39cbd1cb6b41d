/** Conformance of writes under conditions: preconditions, refusals, versions and generations. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, Leases, Pods, Secrets, StatefulSets } from '../../runtime/kube/resources.ts';
import { Subject, setBody } from './conformance-sets.ts';
import { body, dataOf, NAME, ofTwo, refIn, refusal } from './conformance-subjects.ts';
import { type Check, check } from './conformant.ts';

const CONDITION_CHECKS: readonly Check[] = [
  check('PUT with an old resourceVersion is a conflict and writes nothing', async (cluster) => {
    const two = await ofTwo(cluster);
    const { kube, ref, object } = two;
    await kube.replace(ref, { ...object, data: { a: '2' } });
    const late = kube.replace(ref, { ...object, data: { a: '3' } });
    assert.equal(await refusal(late), '409 Conflict');
    assert.deepEqual(await dataOf(two), { a: '2' });
  }),
  check('PUT of a Lease needs a resourceVersion', async ({ kube, namespace }) => {
    const space = await namespace();
    const ref = { resource: Leases, namespace: space, name: NAME };
    const lease = { ...body(space, {}), apiVersion: Leases.apiVersion, kind: Leases.kind, data: undefined };
    await kube.apply(ref, { metadata: lease.metadata }, { manager: 'first' });
    const spec = { holderIdentity: 'stranger' };
    assert.equal(await refusal(kube.replace(ref, { ...lease, spec })), '422 Invalid');
  }),
  check(
    'JSON Patch that sets the resourceVersion is a conflict if another client wrote in between',
    async (cluster) => {
      const two = await ofTwo(cluster);
      const { kube, ref, object } = two;
      const onlyAt = (value: unknown) =>
        ({ op: 'replace', path: '/metadata/resourceVersion', value }) as const;
      const version = object.metadata.resourceVersion;
      await kube.patch(ref, [onlyAt(version), { op: 'add', path: '/data/c', value: '1' }]);
      const late = kube.patch(ref, [onlyAt(version), { op: 'add', path: '/data/d', value: '1' }]);
      assert.equal(await refusal(late), '409 Conflict');
      assert.deepEqual(await dataOf(two), { a: '1', b: '1', c: '1' });
    },
  ),
  check('JSON Patch that does not fit is a 422', async (cluster) => {
    const { kube, ref } = await ofTwo(cluster);
    const test = kube.patch(ref, [{ op: 'test', path: '/data/a', value: 'another' }]);
    assert.equal(await refusal(test), '422 Invalid');
    assert.equal(await refusal(kube.patch(ref, [{ op: 'remove', path: '/data/none' }])), '422 Invalid');
    const deep = kube.patch(ref, [{ op: 'add', path: '/none/below', value: '1' }]);
    assert.equal(await refusal(deep), '422 Invalid');
  }),
  check(
    'delete with another uid or an old resourceVersion is a conflict; delete with the present ones works',
    async (cluster) => {
      const { kube, ref, object } = await ofTwo(cluster);
      const { uid = '', resourceVersion = '' } = await kube
        .patch(ref, [{ op: 'add', path: '/data/c', value: '1' }])
        .then(({ metadata }) => metadata);
      const stale = object.metadata.resourceVersion ?? '';
      const another = '00000000-0000-4000-8000-000000000000';
      assert.equal(await refusal(kube.delete(ref, { uid: another })), '409 Conflict');
      assert.equal(await refusal(kube.delete(ref, { uid, resourceVersion: stale })), '409 Conflict');
      await kube.delete(ref, { uid, resourceVersion });
      assert.equal(await kube.get(ref), undefined);
      await kube.delete(ref, {});
    },
  ),
  check(
    'a missing object: get returns nothing, PUT and JSON Patch are 404, and so is a write in a missing namespace',
    async ({ kube, namespace }) => {
      const space = await namespace();
      const ref = refIn(space);
      assert.equal(await kube.get(ref), undefined);
      assert.equal(await refusal(kube.replace(ref, body(space, {}))), '404 NotFound');
      const patch = kube.patch(ref, [{ op: 'add', path: '/data', value: {} }]);
      assert.equal(await refusal(patch), '404 NotFound');
      assert.equal(await refusal(kube.create(ConfigMaps, body('nowhere', {}))), '404 NotFound');
    },
  ),
  check('create of what is there already is a conflict of its own kind', async ({ kube, namespace }) => {
    const space = await namespace();
    await kube.create(ConfigMaps, body(space, { a: '1' }));
    assert.equal(await refusal(kube.create(ConfigMaps, body(space, {}))), '409 AlreadyExists');
  }),
  check(
    'an object that is created again has another uid, and a later version than all before',
    async ({ kube, namespace }) => {
      const space = await namespace();
      const first = await kube.create(ConfigMaps, body(space, {}));
      await kube.delete(refIn(space), {});
      const second = await kube.create(ConfigMaps, body(space, {}));
      assert.notEqual(second.metadata.uid, first.metadata.uid);
      assert.ok(Number(second.metadata.resourceVersion) > Number(first.metadata.resourceVersion) + 1);
      assert.match(second.metadata.creationTimestamp ?? '', /^[\d-]+T[\d:]+Z$/);
    },
  ),
];

const VERSION_CHECKS: readonly Check[] = [
  check('a write that changes nothing keeps the resourceVersion, however it is written', async (cluster) => {
    const { kube, space, ref, object } = await ofTwo(cluster);
    const version = object.metadata.resourceVersion;
    const applied = await kube.apply(ref, body(space, { a: '1' }), { manager: 'first' });
    const put = await kube.replace(ref, object);
    const patched = await kube.patch(ref, [{ op: 'replace', path: '/data/a', value: '1' }]);
    const versions = [applied, put, patched].map(({ metadata }) => metadata.resourceVersion);
    assert.deepEqual(versions, [version, version, version]);
  }),
  check('generation moves with the spec, not with labels or annotations', async ({ kube, namespace }) => {
    const space = await namespace();
    const ref = { resource: StatefulSets, namespace: space, name: NAME };
    const generation = async () => (await kube.get(ref))?.metadata.generation;
    await kube.create(StatefulSets, setBody(space, NAME, { replicas: 0 }));
    assert.equal(await generation(), 1);
    await kube.patch(ref, [{ op: 'add', path: '/metadata/annotations', value: { a: '1' } }]);
    assert.equal(await generation(), 1);
    await kube.patch(ref, [{ op: 'add', path: '/spec/template/metadata/annotations', value: { a: '1' } }]);
    assert.equal(await generation(), 2);
  }),
  check('a plain write leaves the status as it is', async (cluster) => {
    const subject = await Subject.create(cluster, {});
    await subject.untilSettled(1);
    const set = await subject.set();
    const lie = { replicas: 7 };
    const put = await cluster.kube.replace(subject.ref, { ...set, status: lie });
    const patched = await cluster.kube.patch(subject.ref, [{ op: 'add', path: '/status', value: lie }]);
    assert.deepEqual([put.status, patched.status], [set.status, set.status]);
    assert.equal(patched.metadata.resourceVersion, set.metadata.resourceVersion);
  }),
  check('apply with the uid of an object that is gone makes no new one', async (cluster) => {
    const { kube, space, ref, object } = await ofTwo(cluster);
    await kube.delete(ref, {});
    const { metadata, data } = body(space, { a: '1' });
    const uid = object.metadata.uid ?? '';
    const late = kube.apply(ref, { metadata: { ...metadata, uid }, data }, { manager: 'first' });
    assert.equal(await refusal(late), '409 Conflict');
    assert.equal(await kube.get(ref), undefined);
  }),
  check('a pod with two volumes or mounts in one place is refused', async ({ kube, namespace }) => {
    const space = await namespace();
    const volume = { name: 'twice', emptyDir: {} };
    const mount = { name: 'twice', mountPath: '/twice' };
    const pod = (volumes: object[], volumeMounts: object[]): KubeObject => ({
      metadata: { name: NAME, namespace: space },
      spec: { containers: [{ name: 'main', image: 'none', volumeMounts }], volumes },
    });
    const refusals = [pod([volume, volume], []), pod([volume], [mount, mount]), pod([], [mount])];
    for (const each of refusals) assert.equal(await refusal(kube.create(Pods, each)), '422 Invalid');
  }),
  check('of a StatefulSet, what names and finds its pods may not be changed', async ({ kube, namespace }) => {
    const space = await namespace();
    const ref = { resource: StatefulSets, namespace: space, name: NAME };
    await kube.create(StatefulSets, setBody(space, NAME, { replicas: 0 }));
    const rename = kube.patch(ref, [{ op: 'replace', path: '/spec/serviceName', value: 'another' }]);
    assert.equal(await refusal(rename), '422 Invalid');
  }),
  check('a ConfigMap of more than 1 MiB is refused', async ({ kube, namespace }) => {
    const space = await namespace();
    const large = body(space, { a: 'x'.repeat(1024 * 1024 + 1) });
    assert.equal(await refusal(kube.apply(refIn(space), large, { manager: 'first' })), '422 Invalid');
  }),
  check(
    'a Secret that was applied empty can be filled by PUT with the version that was read',
    async ({ kube, namespace }) => {
      const space = await namespace();
      const ref = { resource: Secrets, namespace: space, name: NAME };
      const empty = await kube.apply(
        ref,
        { metadata: { name: NAME, namespace: space } },
        { manager: 'first' },
      );
      const filled = await kube.replace(ref, { ...empty, data: { a: 'MQ==' } });
      assert.deepEqual(filled.data, { a: 'MQ==' });
      assert.equal(await refusal(kube.replace(ref, { ...empty, data: {} })), '409 Conflict');
    },
  ),
];

export const WRITE_CHECKS: readonly Check[] = [...CONDITION_CHECKS, ...VERSION_CHECKS];
