/** `stellar-peers rollout plan`: what a person reads before anything happens. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askedOf } from '../../../cli/asked.ts';
import { renderRolloutPlan, rolloutPlanData } from '../../../cli/rollout-plan.ts';
import type { World } from '../../../peers/world.ts';
import { readSettings } from '../../../settings.ts';
import { NOW_MS, networkWorld, type Spec } from '../reconciler/group.ts';

/** The plan as it is printed, with the network's hash made the same everywhere. */
function planOf(world: World, env: Record<string, string> = {}): string {
  const text = renderRolloutPlan(askedOf(world, readSettings(env), NOW_MS));
  return text.replace(/custom-[0-9a-f]{16}/g, (found) => '#'.repeat(found.length));
}

const JOINED: Readonly<Record<string, Spec>> = {
  a: { knows: ['b', 'c'] },
  b: { knows: ['a', 'c'] },
  c: {},
  d: {},
};

describe('the rollout plan', () => {
  it('says that nobody is to be restarted', () => {
    assert.equal(planOf(networkWorld({ a: {}, b: {} })), 'No validator is to be restarted.\n');
  });

  it('lists who is restarted, in which order, how, why, and how long it would take', () => {
    assert.equal(
      planOf(networkWorld(JOINED)),
      `ORDER  NETWORK                  VALIDATOR  HOW   WHY    BEGINS IN  DONE IN
1      #######################  stellar/a  bump  short  0 min      10 min
2      #######################  stellar/b  bump  short  16 min     26 min

2 restarts, the last of them over in about 26 min if all goes well.
`,
    );
  });

  it('is the same for programs, in seconds', () => {
    const { restarts, held } = rolloutPlanData(askedOf(networkWorld(JOINED), readSettings({}), NOW_MS));
    assert.deepEqual(
      restarts.map(({ network: _, ...rest }) => rest),
      [
        { validator: 'stellar/a', kind: 'bump', drift: 'short', beginsInSeconds: 0, endsInSeconds: 600 },
        { validator: 'stellar/b', kind: 'bump', drift: 'short', beginsInSeconds: 901, endsInSeconds: 1501 },
      ],
    );
    assert.match(restarts[0]?.network ?? '', /^custom-/);
    assert.deepEqual(held, []);
    const off = askedOf(networkWorld(JOINED), readSettings({ MAX_UNAVAILABLE: '0' }), NOW_MS);
    const why = rolloutPlanData(off).held.map(({ subject, code }) => `${subject} ${code}`);
    assert.deepEqual(why, ['stellar/a WaitingForUnavailable', 'stellar/b WaitingForUnavailable']);
  });

  it('says who waits for what time alone does not bring, and what would help', () => {
    const paused = { node: { annotations: { 'stellar.org/peer-rollout': 'paused' } } };
    const text = planOf(networkWorld({ ...JOINED, b: { knows: ['a', 'c'], ...paused } }));
    assert.match(text, /^One restart, the last/m);
    assert.match(text, /Not restarted, why.*stellar\/b {2}Paused\n.*> kubectl annotate/s);
  });

  it('answers for settings that are not in force yet, the views that they lead to included', () => {
    const knowsEnough = networkWorld(
      Object.fromEntries(
        'abcdefghijkl'.split('').map((name) => [name, name === 'a' ? { knows: [...'bcdefghi'] } : {}]),
      ),
    );
    assert.equal(planOf(knowsEnough), 'No validator is to be restarted.\n');
    assert.match(planOf(knowsEnough, { ROLL_BELOW: 'all' }), /^1 .* stellar\/a {2}bump {2}short/m);
    // Views that were published small: with the default they would be larger.
    const small = networkWorld(JOINED, { maxPeers: 2 });
    assert.match(planOf(small), /2 restarts/);
    assert.match(planOf(networkWorld(JOINED), { MAX_UNAVAILABLE: '0' }), /MAX_UNAVAILABLE is 0/);
  });
});
