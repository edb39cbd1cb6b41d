/** `stellar-peers rollout plan`: what a person reads before any restart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../app/settings.ts';
import { renderRolloutPlan, rolloutPlanData } from '../../../cli/commands/rollout-plan.ts';
import { evaluateWorld } from '../../../cli/snapshot.ts';
import type { World } from '../../../peers/world.ts';
import { NOW_MS, networkWorld, type Spec, setOf } from '../reconciler/group.ts';

/** The printed plan, with each network's hash replaced by the same text. */
function planOf(world: World, env: Record<string, string> = {}): string {
  const text = renderRolloutPlan(evaluateWorld(world, readSettings(env), NOW_MS));
  return text.replace(/custom-[0-9a-f]{16}/g, (found) => '#'.repeat(found.length));
}

const JOINED: Readonly<Record<string, Spec>> = {
  a: { knows: ['b', 'c'] },
  b: { knows: ['a', 'c'] },
  c: {},
  d: {},
};

const SET = { node: { spec: { validatorConfig: { quorumSet: setOf(['a', 'b', 'c'], 66) } } } };
const BEARING = Object.fromEntries(Object.entries(JOINED).map(([name, spec]) => [name, { ...spec, ...SET }]));

describe('the rollout plan', () => {
  it('says that no validator is to be restarted', () => {
    assert.equal(planOf(networkWorld({ a: {}, b: {} })), 'No validator is to be restarted.\n');
  });

  it('lists the validators to be restarted: order, kind, reason, quorum and expected time', () => {
    assert.equal(
      planOf(networkWorld(BEARING)),
      `ORDER  NETWORK                  VALIDATOR  HOW   WHY    BEGINS IN  DONE IN  QUORUM
1      #######################  stellar/a  bump  short  now        10 min   can spare this one
2      #######################  stellar/b  bump  short  15 min     25 min   can spare this one

2 restarts, the last of them over in about 25 min if all goes well.
`,
    );
  });

  it('shows selected validators with their places in the whole order', () => {
    const asked = evaluateWorld(networkWorld(BEARING), readSettings({}), NOW_MS);
    const text = renderRolloutPlan(asked, (key) => key === 'stellar/b');
    assert.match(
      text,
      /^ORDER .*\n2 .* stellar\/b .*15 min.*\n\nOne restart, the last of them over in about 25/,
    );
    const held = evaluateWorld(networkWorld(JOINED), readSettings({ MAX_UNAVAILABLE: '0' }), NOW_MS);
    const subjects = rolloutPlanData(held, (key) => key === 'stellar/b').held.map(({ subject }) => subject);
    assert.deepEqual(subjects, ['stellar/b']);
  });

  it('has the same content for programs, with times in seconds', () => {
    const { restarts, held } = rolloutPlanData(evaluateWorld(networkWorld(JOINED), readSettings({}), NOW_MS));
    assert.match(restarts[0]?.quorum ?? '', /^warns \(QuorumUnknown: stellar\/a: it has no quorumSet\)$/);
    assert.deepEqual(
      restarts.map(({ network: _, quorum: __, ...rest }) => rest),
      [
        { validator: 'stellar/a', kind: 'bump', drift: 'short', beginsInSeconds: 0, endsInSeconds: 600 },
        { validator: 'stellar/b', kind: 'bump', drift: 'short', beginsInSeconds: 900, endsInSeconds: 1500 },
      ],
    );
    assert.match(restarts[0]?.network ?? '', /^custom-/);
    assert.deepEqual(held, []);
    const off = evaluateWorld(networkWorld(JOINED), readSettings({ MAX_UNAVAILABLE: '0' }), NOW_MS);
    const why = rolloutPlanData(off).held.map(({ subject, code }) => `${subject} ${code}`);
    assert.deepEqual(why, ['stellar/a WaitingForUnavailable', 'stellar/b WaitingForUnavailable']);
  });

  it('lists the validators that would wait for ever, and what would help', () => {
    const paused = { node: { annotations: { 'stellar.org/peer-rollout': 'paused' } } };
    const text = planOf(networkWorld({ ...JOINED, b: { knows: ['a', 'c'], ...paused } }));
    assert.match(text, /^One restart, the last/m);
    assert.match(text, /Waiting:.*stellar\/b {2}Paused\n.*> stellar-peers resume b -n stellar\n/s);
  });

  const PAUSE = { 'stellar.org/peer-rollout': 'paused' };

  it('under a pause shows what a resume would restart', () => {
    const world = networkWorld(BEARING, { ownAnnotations: PAUSE });
    const text = planOf(world);
    assert.match(
      text,
      /^No validator is to be restarted\.\n\nPaused by ConfigMap stellar-peers\/stellar-peers; on resume 2 would be restarted:\n/,
    );
    assert.match(text, /^1 .* stellar\/a .*\n2 .* stellar\/b .*\n\n2 restarts, the last/m);
    const data = rolloutPlanData(evaluateWorld(world, readSettings({}), NOW_MS));
    assert.deepEqual(data.restarts, []);
    assert.deepEqual(
      data.onResume.map(({ validator }) => validator),
      ['stellar/a', 'stellar/b'],
    );
  });

  it('under a pause of some validators shows the restarts of the others, and what a resume would restart', () => {
    const world = networkWorld({
      ...BEARING,
      b: { ...BEARING.b, node: { ...SET.node, annotations: PAUSE } },
    });
    const text = planOf(world);
    assert.match(text, /^1 .* stellar\/a .*\n\nOne restart/m);
    assert.match(
      text,
      /Paused by StellarNode stellar\/b; on resume 1 would be restarted:\n.*\n1 .* stellar\/b /,
    );
    const idle = networkWorld({ a: {}, b: {} }, { namespace: { annotations: PAUSE } });
    assert.match(planOf(idle), /\nPaused by Namespace stellar; on resume none would be restarted\.\n/);
  });

  it('can be computed for settings that are not in force yet, with the views of these settings', () => {
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
