/**
 * A replica that does not lead any more may only read.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { whileLeading } from '../../../reconciler/leader/leading-kube.ts';
import { ConfigMaps } from '../../../runtime/kube/resources.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';

const REF = { resource: ConfigMaps, namespace: 'stellar', name: 'one' };
const BODY = { metadata: { name: 'one', namespace: 'stellar' } };

describe('a replica that leads', () => {
  it('may write, and may not write any more as soon as it no longer leads', async () => {
    const memory = new MemoryKube();
    let leads = true;
    const kube = whileLeading(memory, () => leads);
    await kube.create(ConfigMaps, BODY);
    const object = await kube.apply(REF, { ...BODY, data: { a: '1' } }, { manager: 'x' });
    await kube.replace(REF, { ...object, data: { a: '2' } });
    await kube.patch(REF, [{ op: 'add', path: '/data/b', value: '1' }]);
    leads = false;
    const { length } = memory.requests;
    const writes = [
      kube.create(ConfigMaps, { metadata: { name: 'two', namespace: 'stellar' } }),
      kube.apply(REF, BODY, { manager: 'x' }),
      kube.replace(REF, object),
      kube.patch(REF, []),
      kube.delete(REF, {}),
    ];
    for (const write of writes) await assert.rejects(write, { status: 0, reason: 'NotLeading' });
    assert.equal(memory.requests.length, length, 'nothing was sent');
    assert.deepEqual((await kube.get(REF))?.data, { a: '2', b: '1' });
    assert.equal((await kube.list(ConfigMaps)).items.length, 1);
  });
});
