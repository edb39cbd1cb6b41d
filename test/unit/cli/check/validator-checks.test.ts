/** `stellar-peers check` on validators, our ConfigMaps and Services for them, and wanted restarts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate } from '../../../../cli/check/evaluate.ts';
import type { readConfigMap } from '../../../../peers/read/cluster.ts';
import { type Change, complaintsOf, factsWith, service } from './healthy.ts';

describe('validators', () => {
  it('that cannot be a peer are named, with the reason', () => {
    const specs = { a: {}, b: {}, c: { node: { spec: { network: 'nowhere' } } } };
    const found = complaintsOf({ specs });
    assert.match(found.validators ?? '', /^problem: stellar\/c: spec\.network cannot be read/);
  });

  it('are distinguished from their read replicas, which get no peers', () => {
    const facts = factsWith();
    const [pod] = facts.world.pods.values();
    assert.ok(pod);
    const pods = new Map(facts.world.pods).set('stellar/a-read-0', { ...pod, ownerName: 'a-read' });
    const found = evaluate({ ...facts, world: { ...facts.world, pods } }).find(
      ({ id }) => id === 'validators',
    );
    assert.equal(found?.found, '3 validators in 1 network; read replicas, left as they are: stellar/a-read');
  });

  it('that are suspended cause no finding', () => {
    const c = { node: { spec: { suspended: true, replicas: 0 } }, pod: 'none' as const };
    assert.equal(
      complaintsOf({ specs: { a: { knows: ['b'] }, b: { knows: ['a'] }, c } }).validators,
      undefined,
    );
  });
});

describe('the annotations', () => {
  it('that have no effect are named', () => {
    const annotations = { 'stellar.org/peer-rolout': 'paused' };
    const found = complaintsOf({ specs: { a: { node: { annotations } }, b: {}, c: {} } }).validators;
    assert.match(found ?? '', /^warning: stellar\/a: .*peer-rolout=paused/);
  });
});

describe('the ConfigMaps', () => {
  const maps = (change: (all: Map<string, ReturnType<typeof readConfigMap>>) => void) => {
    const { world, ...rest } = factsWith();
    const configMaps = new Map(world.configMaps);
    change(configMaps);
    return complaintsOf({ facts: { ...rest, world: { ...world, configMaps } } });
  };

  it('must exist in each namespace with validators, and the overview in our own', () => {
    for (const namespace of ['stellar', 'stellar-peers']) {
      const said = `problem: missing, or not current: ConfigMap ${namespace}/stellar-peers`;
      assert.equal(maps((all) => all.delete(namespace)).published, said);
    }
  });

  it('must have the expected content', () => {
    const edited = maps((all) => {
      const map = all.get('stellar');
      if (map) all.set('stellar', { ...map, data: { ...map.data, 'a.peers.txt': 'somewhere.else:1\n' } });
    });
    assert.equal(edited.published, 'problem: missing, or not current: ConfigMap stellar/stellar-peers');
  });

  it('must be ours: a key that others apply is named', () => {
    const foreign = maps((all) => {
      const map = all.get('stellar');
      if (map) all.set('stellar', { ...map, foreignKeys: ['b.peers.txt'] });
    });
    assert.match(foreign.validators ?? '', /^problem: stellar\/b: .*b\.peers\.txt/);
  });
});

describe('the headless Services', () => {
  const [a, c] = [service('a-headless'), service('c-headless')];
  const asked = (services: Array<typeof a>) => complaintsOf({ parts: { services } });

  it('must exist', () => {
    assert.deepEqual(asked([a, c]), {
      published: 'problem: missing, or not current: Service stellar/b-headless',
    });
  });

  it('must be headless and name pods that are not ready', () => {
    const hides = service('b-headless', { publishNotReadyAddresses: false });
    assert.match(asked([a, hides, c]).validators ?? '', /^problem: stellar\/b: .*b-headless/);
    const balanced = service('b-headless', { clusterIP: '10.0.0.7' });
    assert.match(asked([a, balanced, c]).validators ?? '', /^problem: stellar\/b: .*b-headless/);
  });

  it('are not checked before the install', () => {
    const parts = { services: [service('b-headless', { clusterIP: '10.0.0.7' })] };
    assert.deepEqual(complaintsOf({ parts, facts: { when: 'before' } }), {});
  });
});

describe('the restarts', () => {
  const grown = { a: { knows: ['b', 'c'] }, b: { knows: ['a', 'c'] }, c: {}, d: {} };
  const restarts = (change: Change) => complaintsOf(change).restarts;

  it('that are wanted are counted and named', () => {
    assert.match(
      restarts({ specs: grown }) ?? '',
      /^warning: 2 restarts, one at a time, over in about \d+ min: stellar\/a, stellar\/b$/,
    );
  });

  it('that a pause holds are reported with the pause, and the pause also if no restart is wanted', () => {
    const extra = { ownAnnotations: { 'stellar.org/peer-rollout': 'paused' } };
    assert.equal(
      restarts({ specs: grown, extra }),
      'warning: paused by ConfigMap stellar-peers/stellar-peers; on resume 2 restarts, one at a time, over in about 25 min: stellar/a, stellar/b',
    );
    assert.match(
      restarts({ specs: { a: {}, b: {} }, extra }) ?? '',
      /^warning: paused by .*; on resume none$/,
    );
  });

  it('that another setting would cause are counted before that setting is in force', () => {
    const wide = Object.fromEntries(
      'abcdefghijkl'.split('').map((name) => [name, name === 'a' ? { knows: [...'bcdefghi'] } : {}]),
    );
    assert.equal(restarts({ specs: wide }), undefined);
    assert.match(
      restarts({ specs: wide, env: { ROLL_BELOW: 'all' } }) ?? '',
      /^warning: 1 restart, .*: stellar\/a$/,
    );
  });

  it('after an install are none, because pods wait for adoption, or all with ADOPT_EXISTING=restart', () => {
    const old = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, { pod: { injected: false, annotations: {} } }]),
    );
    const before = (env: Record<string, string>) =>
      restarts({ specs: old, parts: { webhook: undefined }, facts: { when: 'before' }, env });
    assert.equal(before({}), undefined);
    assert.match(before({ ADOPT_EXISTING: 'restart' }) ?? '', /^warning: 3 restarts, /);
  });
});
