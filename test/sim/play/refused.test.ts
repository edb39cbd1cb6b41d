/** Restarts that the cluster refuses or reverts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError } from '../../../runtime/kube/port.ts';
import { holderOf, onBump, setRef, tell, tokenOn, told } from './story.ts';

const HOUR_MS = 3_600_000;

describe('a validator whose restart a policy refuses', () => {
  it('does not delay others of its group, and has the same reason all the time', async () => {
    let attempts = 0;
    const codes = new Set<string>();
    const { stage, witness, broken } = await tell({
      validators: 4,
      script: (stage, at) => {
        onBump(stage, ({ name }, operations, write) => {
          if (name !== 'v0') return write(operations);
          attempts += 1;
          throw new KubeError('ValidatingAdmissionPolicy hands-off denied request', {
            status: 422,
            reason: 'Invalid',
          });
        });
        at(90_000, () => stage.join(3));
        for (let ms = 120_000; ms < 3 * HOUR_MS; ms += 1_000)
          at(ms, () => codes.add(told(stage).v0 ?? 'none'));
      },
      endMs: 3 * HOUR_MS,
    });
    assert.deepEqual(witness.restarts.map(({ node }) => node).sort(), ['north/v1', 'north/v2']);
    assert.deepEqual([...codes], ['RefusedByPolicy']);
    assert.deepEqual(told(stage), { v0: 'RefusedByPolicy' });
    assert.ok(attempts >= 4 && attempts < 15, `${attempts} attempts`);
    assert.deepEqual(broken, []);
  });
});

describe('a restart whose annotation does not stay', () => {
  const RESTART = '/spec/template/metadata/annotations/stellar.org~1peer-restart';
  const HOURS = 2;

  const played = async (how: 'stripped' | 'reverted at once' | 'reverted after 3 s') => {
    let bumps = 0;
    const codes = new Map<string, number>();
    const history = await tell({
      validators: 4,
      script: (stage, at) => {
        const hold = holderOf(stage);
        onBump(stage, ({ name }, operations, write) => {
          if (name !== 'v0') return write(operations);
          bumps += 1;
          if (how === 'stripped') return write(operations.filter(({ path }) => path === VERSION));
          // What reverts it is faster than the StatefulSet controller.
          hold(3_500);
          stage.time.schedule(how === 'reverted at once' ? 0 : 3_000, () => {
            if (tokenOn(stage, 'v0') !== undefined)
              void stage.server.admin.patch(setRef('v0'), [{ op: 'remove', path: RESTART }]);
          });
          return write(operations);
        });
        at(90_000, () => stage.join(3));
        for (let ms = 600_000; ms < HOURS * HOUR_MS; ms += 1_000)
          at(ms, () => {
            const code = told(stage).v0 ?? 'none';
            codes.set(code, (codes.get(code) ?? 0) + 1);
          });
      },
      endMs: HOURS * HOUR_MS,
    });
    return { ...history, bumps, codes };
  };

  it('is tried again after minutes, and reported as RestartReverted if another webhook removes it', async () => {
    const { bumps, codes, witness, broken } = await played('stripped');
    assert.ok(bumps >= 4 && bumps < 12, `${bumps} bumps`);
    assert.deepEqual([...codes.keys()], ['RestartReverted']);
    assert.deepEqual(witness.restarts.map(({ node }) => node).sort(), ['north/v1', 'north/v2']);
    assert.deepEqual(broken, []);
  });

  it('is tried again after minutes if another controller reverts it, at once or later', async () => {
    for (const how of ['reverted at once', 'reverted after 3 s'] as const) {
      const { bumps, codes } = await played(how);
      assert.ok(bumps >= 4 && bumps < 12, `${how}: ${bumps} bumps`);
      const shown = [...codes].sort(([, a], [, b]) => b - a).map(([code]) => code);
      assert.equal(shown[0], 'RestartReverted', `${how}: ${[...codes]}`);
      assert.deepEqual(
        shown.slice(1).filter((code) => code !== 'InFlight' && code !== 'Restarting'),
        [],
      );
    }
  });
});

const VERSION = '/metadata/resourceVersion';
