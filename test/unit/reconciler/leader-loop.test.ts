/** What the leader's loop says and keeps while its caches are behind its own writes. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import * as kinds from '../../../runtime/kube/resources.ts';
import type { Extra, Spec } from './group.ts';
import { leaderOf, OWN } from './leader-loop.ts';
import { Restarting } from './restarting.ts';

const SWITCH = 'stellar.org/peer-rollout';
const OWN_MAP = { resource: kinds.ConfigMaps, namespace: OWN, name: 'stellar-peers' };

/** A leader over these validators, and the passing of time in steps of 10 ms. */
function lead(t: TestContext, specs: Readonly<Record<string, Spec>>, extra: Extra = {}) {
  const stage = new Restarting(specs, extra);
  const watchesLate = (ms: number) => {
    const { watch } = stage.kube;
    stage.kube.watch = (resource, query, onEvent, signal) =>
      watch(
        resource,
        query,
        (event) => {
          stage.clock.after(ms, () => onEvent(event));
          return true;
        },
        signal,
      );
  };
  const stop = new AbortController();
  const begin = () => leaderOf(stage, stop.signal, { adoptExisting: true });
  t.after(() => stop.abort());
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      for (let count = 0; count < 10; count += 1) await turn();
      stage.clock.advance(10);
    }
  };
  return { stage, watchesLate, begin, pass };
}

describe('the loop of a leader', () => {
  it('does not call a list unpublished that it has just published, while the watch is behind', async (t) => {
    const names = ['a', 'b', 'c', 'd'];
    const bare: Spec = { pod: { injected: false, annotations: {} } };
    const specs = Object.fromEntries(names.map((name) => [name, bare]));
    const { stage, watchesLate, begin, pass } = lead(t, specs, { unpublished: names });
    watchesLate(30);
    begin();
    await pass(3_000);
    const told = stage.log.lines.map(({ fields }) => fields.reason);
    assert.ok(told.includes('Stabilizing'), 'the validators wait');
    assert.equal(told.filter((code) => code === 'NotPublished').length, 0);
  });

  it('lifts no pause that was deleted with our ConfigMap while a pass was under way', async (t) => {
    const specs = { a: { knows: ['b'] }, b: { knows: ['a'] } };
    const { stage, begin, pass } = lead(t, specs, { ownAnnotations: { [SWITCH]: 'paused' } });
    const { publisher } = begin();
    await pass(2_000);
    const restore = publisher.restorePause.bind(publisher);
    let isSlow = true;
    publisher.restorePause = async (value) => {
      await restore(value);
      // Until publishing, which was put off at first, is due again.
      if (isSlow) stage.clock.advance(1_000);
      isSlow = false;
    };
    await stage.kube.delete({ resource: kinds.Pods, namespace: 'stellar', name: 'b-0' }, {});
    await pass(40);
    await stage.kube.delete(OWN_MAP, {});
    await pass(5_000);
    assert.equal(readConfigMap(stage.kube.observe(OWN_MAP) ?? {}).rollout, 'paused');
  });
});
