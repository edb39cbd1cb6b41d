import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { pauseToRestore, type SeenPause, seePause } from '../../../reconciler/plan/restarts/pause.ts';
import { node, type Parts, pod, statefulSet, worldWith } from '../world.ts';
import { OWN, Publishing, peersIn, running } from './publishing.ts';

const SWITCH = 'stellar.org/peer-rollout';
const own = (annotations: Record<string, string> = {}): Parts => ({
  configMaps: [{ metadata: { name: 'stellar-peers', namespace: OWN, annotations } }],
});

/** What a leader that saw these Worlds, one after another, would put back in the last of them. */
const restoredAfter = (...seen: Parts[]) => {
  let last: SeenPause;
  for (const parts of seen) last = seePause(last, worldWith(parts), OWN);
  return pauseToRestore(last, worldWith(seen.at(-1) ?? {}), OWN);
};

describe('our own ConfigMap, when a person deleted it', () => {
  it('is created again with the pause that was seen last', () => {
    assert.equal(restoredAfter(own({ [SWITCH]: 'paused' }), {}), 'paused');
    assert.equal(
      restoredAfter(own({ [SWITCH]: 'paused' }), own({ [SWITCH]: 'OnRestart' }), {}, {}),
      'OnRestart',
    );
  });

  it('is created again without a pause if there was none', () => {
    assert.equal(restoredAfter(own(), {}), undefined);
    assert.equal(restoredAfter(own({ [SWITCH]: 'paused' }), own(), {}), undefined);
  });

  it('is created again as paused if the leader never saw it, unless no restart was ever begun here', () => {
    assert.equal(restoredAfter({ journal: { testnet: '{"restarts":[]}' } }), 'paused');
    assert.equal(restoredAfter({ journal: {} }), 'paused', 'what the journal held is older than a day');
    assert.equal(restoredAfter({}), undefined);
  });

  it('is not changed while it exists', () => {
    assert.equal(restoredAfter(own({ [SWITCH]: 'paused' })), undefined);
    assert.equal(restoredAfter({ ...own(), journal: { testnet: '{' } }), undefined);
  });

  it('gets its pause back once a second while its watch is behind, and not in each pass', async () => {
    const { publisher, kube, clock } = new Publishing();
    for (let pass = 0; pass < 100; pass += 1) {
      await publisher.restorePause('paused');
      clock.advance(50);
    }
    assert.equal(kube.requests.length, 5);
  });

  it('gets its pause back also while a write to a namespace with the name pause has failed', async () => {
    const publishing = new Publishing();
    const where = { namespace: 'pause' };
    const { configMaps } = await publishing.plan({
      nodes: [node('a', where)],
      statefulSets: [statefulSet('a', where)],
      pods: [pod('a', where)],
    });
    publishing.kube.intercept = () => {
      throw new Error('no answer');
    };
    await publishing.publisher.publish(configMaps.filter(({ namespace }) => namespace === 'pause'));
    publishing.kube.intercept = () => undefined;
    publishing.kube.requests.length = 0;
    await publishing.publisher.restorePause('paused');
    assert.equal(publishing.kube.requests.length, 1);
  });

  it('keeps the pause that was put back when the overview is published into it, and gives it up to a person', async () => {
    const publishing = new Publishing();
    const managers: string[] = [];
    const { apply } = publishing.kube;
    publishing.kube.apply = (ref, body, options) => {
      if (ref.namespace === OWN) managers.push(options?.manager ?? '');
      return apply(ref, body, options);
    };
    const pause = () => readConfigMap(publishing.kube.observe(peersIn(OWN)) ?? {}).rollout;
    await publishing.publisher.restorePause('paused');
    await publishing.pass(running('a', 'b'));
    assert.equal(pause(), 'paused');
    assert.equal(new Set(managers).size, 2, 'what one manager applies it takes back when it leaves it out');
    assert.ok(publishing.keys(OWN).includes('KNOWN_PEERS'));
    await publishing.kube.patch(peersIn(OWN), [
      { op: 'remove', path: `/metadata/annotations/${SWITCH.replace('/', '~1')}` },
    ]);
    publishing.clock.advance(60_000);
    await publishing.pass(running('a', 'b', 'c'));
    assert.equal(pause(), undefined);
  });
});
