/** Histories in which sidecars tell validators of new peers soon, late or never, or crash. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from './plan.ts';
import type { PortPlan } from './port-plan.ts';
import type { SidecarPlan } from './sidecar-plan.ts';
import { FOURTH_JOINS, played, type Story } from './small-plan.ts';

const MINUTE_MS = 60_000;
const SETTINGS = {
  ...{ RESYNC_SECONDS: '300', RELOAD_SECONDS: '60', RELOAD_DEADLINE_SECONDS: '600', ROLL_FOR: 'missing' },
};
const TELLS: SidecarPlan = { kind: 'tells', afterMs: 10_000 };
const NEVER: SidecarPlan = { kind: 'never' };
const OPEN: PortPlan = { kind: 'open' };

const told = (story: Partial<Story>) => played({ calmAtMs: 3 * MINUTE_MS, ...story, settings: SETTINGS });

describe('a fourth validator that joins three', () => {
  it('restarts none of the three if their sidecars tell them of it, although no port is open', async () => {
    const { restarts, held, shownMs } = await told({ sidecars: [TELLS, TELLS, TELLS, TELLS] });
    assert.deepEqual([restarts.bump, held], [0, {}]);
    assert.ok(
      (shownMs.Told ?? 0) > MINUTE_MS && (shownMs.Telling ?? 0) >= 3 * 45_000,
      JSON.stringify(shownMs),
    );
  });

  it('restarts only those validators whose pod has no sidecar, or a sidecar that crashes', async () => {
    const { restarts } = await told({ sidecars: [TELLS, { kind: 'crashes' }, undefined] });
    assert.equal(restarts.bump, 2);
  });
});

describe('a validator that starts first, and so knows none of the validators that follow', () => {
  const alone = { founders: 1, readyMs: [1_000, 1_000], actions: [{ ...FOURTH_JOINS, node: 1 }] };

  it('is restarted at the deadline if no port shows a connection, although its sidecar may have told it of its peers', async () => {
    const { restarts, held, shownMs } = await told({ ...alone, sidecars: [TELLS] });
    assert.deepEqual([restarts.bump, held], [1, {}]);
    const tellingMs = shownMs.Telling ?? 0;
    assert.ok(tellingMs > 580_000 && tellingMs < 640_000, `${tellingMs} ms`);
  });

  it('is restarted at the deadline if its sidecar never tells it of its peers', async () => {
    const { restarts, held } = await told({ ...alone, sidecars: [NEVER] });
    assert.deepEqual([restarts.bump, held], [1, {}]);
  });

  it('is restarted at that deadline even if the list changes every few minutes', async () => {
    const comesAndGoes = [5, 9, 13, 17, 21, 25].map(
      (minute, index): Action => ({
        atMs: minute * MINUTE_MS,
        do: index % 2 === 0 ? 'join' : 'leave',
        node: 2,
      }),
    );
    const { restarts, shownMs } = await told({
      ...alone,
      readyMs: [1_000, 1_000, 1_000],
      actions: [...alone.actions, ...comesAndGoes],
      calmAtMs: 26 * MINUTE_MS,
      sidecars: [NEVER],
    });
    const tellingMs = shownMs.Telling ?? 0;
    assert.ok(restarts.bump > 0 && tellingMs < 800_000, `${restarts.bump} restarts, ${tellingMs} ms`);
  });

  it('is restarted by its template, and never deleted, if its sidecar ends again and again', async () => {
    const end = (atMs: number, downMs: number): Action => ({ atMs, do: 'endSidecar', node: 0, downMs });
    const actions = [...alone.actions, end(92_000, 500), end(93_500, 500), end(94_500, 30_000)];
    const { restarts } = await told({ ...alone, actions, sidecars: [NEVER] });
    assert.deepEqual([restarts.bump, restarts.delete], [1, 0]);
  });

  it('is not restarted if its open port shows that it is connected', async () => {
    const { restarts, held } = await told({ ...alone, sidecars: [TELLS], ports: [OPEN, OPEN] });
    assert.deepEqual([restarts.bump, held], [0, {}]);
  });
});
