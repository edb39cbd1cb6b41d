/** The salt of the lists: made once, kept by the cluster, and no reason to publish nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { saltIn } from '../../../peers/views/salt.ts';
import type { World } from '../../../peers/world.ts';
import { JournalStore } from '../../../reconciler/apply/journal-store.ts';
import { SaltKeeper } from '../../../reconciler/apply/salt-keeper.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { failure, MemoryKube } from '../stand-ins/memory-kube.ts';
import { node, worldWith } from '../world.ts';
import { DISCOVERY, NOW_MS } from './group.ts';

const SIZE = 24;

class Stage {
  readonly kube = new MemoryKube();
  readonly clock = new ManualClock(NOW_MS);
  readonly log = new CapturedLog();
  /** Before our own ConfigMap is there. */
  isNew = false;
  readonly journal = new JournalStore({ kube: this.kube, clock: this.clock, namespace: 'stellar-peers' });

  keeper(): SaltKeeper {
    return new SaltKeeper({ journal: this.journal, clock: this.clock, log: this.log, maxPeers: SIZE });
  }

  /** The World of so many validators, with the journal as the cluster has it. */
  world(count: number): World {
    const nodes = Array.from({ length: count }, (_, index) => node(`v${index}`));
    const object = this.kube.observe(this.journal.ref);
    const own = readConfigMap({ metadata: { name: 'stellar-peers', namespace: 'stellar-peers' } });
    return {
      ...worldWith({ nodes }),
      configMaps: this.isNew ? new Map() : new Map([['stellar-peers', own]]),
      journal: object && readConfigMap(object as unknown as Record<string, unknown>),
    };
  }

  keep(keeper: SaltKeeper, count = SIZE + 1): Promise<boolean> {
    const world = this.world(count);
    return keeper.keep(world, discover(world, DISCOVERY));
  }

  get salt(): string | undefined {
    return saltIn(this.world(0).journal?.data);
  }
}

describe('the salt of the lists', () => {
  it('is made before the first list that is a choice, and not before there is one', async () => {
    const stage = new Stage();
    const keeper = stage.keeper();
    assert.equal(await stage.keep(keeper, SIZE), false);
    assert.equal(stage.salt, undefined);
    assert.equal(await stage.keep(keeper), true, 'lists wait for the caches to show it');
    assert.match(stage.salt ?? '', /^[0-9a-f]{32}$/);
    assert.equal(await stage.keep(keeper), false);
  });

  it('comes after our own ConfigMap: a journal without that one tells of a pause that was deleted', async () => {
    const stage = new Stage();
    stage.isNew = true;
    assert.equal(await stage.keep(stage.keeper()), false);
    assert.equal(stage.salt, undefined);
  });

  it('stays over leaders, and beside what stands in the journal', async () => {
    const stage = new Stage();
    await stage.keep(stage.keeper());
    const { salt } = stage;
    assert.equal(await stage.keep(stage.keeper()), false);
    const entry = {
      ...{ statefulSet: 'stellar/a', uids: ['1'], token: 't', drift: 'short', atMs: NOW_MS },
      kind: 'bump',
    } as const;
    assert.equal(await stage.journal.open('testnet', entry, undefined), 'opened');
    await stage.journal.close('testnet', [{ entry, outcome: 'done' }]);
    assert.equal(stage.salt, salt);
    assert.ok(stage.world(0).journal?.data.testnet);
  });

  it('is the same again after a person has deleted the journal', async () => {
    const stage = new Stage();
    const keeper = stage.keeper();
    await stage.keep(keeper);
    await stage.keep(keeper);
    const { salt } = stage;
    await stage.kube.delete(stage.journal.ref);
    stage.clock.advance(60_000);
    assert.equal(await stage.keep(keeper), true);
    assert.equal(stage.salt, salt);
  });

  it('holds up no list where it cannot be written, and is tried again in a minute', async () => {
    const stage = new Stage();
    const keeper = stage.keeper();
    stage.kube.intercept = () => {
      throw failure(403, 'Forbidden', 'a policy says no');
    };
    assert.equal(await stage.keep(keeper), false);
    assert.equal(await stage.keep(keeper), false);
    assert.equal(stage.log.with(/salt/).length, 1);
    stage.kube.intercept = () => undefined;
    stage.clock.advance(60_000);
    assert.equal(await stage.keep(keeper), true);
  });
});
