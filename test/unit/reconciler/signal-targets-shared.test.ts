/** Peers that share an address: replicas behind one, or one of ours that is also listed as an outside peer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { readPod } from '../../../peers/read/workload.ts';
import type { World } from '../../../peers/world.ts';
import { pod } from '../world.ts';
import { networkWorld } from './group.ts';
import { ipOf, Signalling, scopeOf } from './signalling.ts';

const SHARED = 'peers.example.org:11625';

/** `a`, and `b` with two pods behind one advertised address, which is listed outside as well. */
function world(): World {
  const spec = { replicas: 2 };
  const annotations = { 'stellar.org/peer-address': SHARED };
  const made = networkWorld({ a: {}, b: { node: { spec, annotations }, statefulSet: { spec } } });
  const second = readPod(pod('b', { ordinal: 1, uid: 'pod-b-1' }));
  const pods = new Map(made.pods);
  for (const [index, facts] of [...made.pods.values(), second].entries()) {
    pods.set(facts.key, { ...facts, ip: ipOf('abc'.charAt(index)) });
  }
  const [reading] = made.nodes.values();
  const network = reading?.kind === 'validator' ? reading.validator.network.id : '';
  const external = readConfigMap({
    metadata: { name: 'stellar-peers-external', namespace: 'stellar-peers' },
    data: { [network]: `${SHARED}\n` },
  });
  return { ...made, pods, external };
}

describe('an address that several peers share', () => {
  it('is dialled once, and expected of each', () => {
    const [target] = scopeOf(world()).targets;
    assert.deepEqual([target?.node, target?.dials.map(({ address }) => address)], ['stellar/a', [SHARED]]);
    assert.deepEqual(
      target?.expected.map(({ addresses, process }) => [addresses, process]),
      [
        [[SHARED, `${ipOf('b')}:11625`], undefined],
        [[SHARED, `${ipOf('c')}:11625`], undefined],
      ],
      'and that it does not show says nothing',
    );
  });

  it('is told once', async () => {
    const stage = new Signalling();
    await stage.offer(world());
    const toA = stage.cores.told().filter((call) => call.startsWith(`${ipOf('a')} `));
    assert.deepEqual(toA, [`${ipOf('a')} connect ${SHARED}`]);
    await stage.signaller.stop();
  });

  it('of its own validator is one of each of its pods’ peers outside, as it stands in their files', () => {
    const { targets } = scopeOf(world());
    const own = targets.filter(({ node }) => node === 'stellar/b');
    assert.deepEqual(
      own.map(({ pod: key, dials }) => [key, dials.map(({ address }) => address)]),
      ['stellar/b-0', 'stellar/b-1'].map((key) => [key, [`${ipOf('a')}:11625`, SHARED]]),
    );
  });
});
