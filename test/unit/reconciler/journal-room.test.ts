/** The journal is one object of at most 1 MiB: it must not fill up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { formatJournal, type JournalEntry, readJournal } from '../../../reconciler/plan/journal/journal.ts';
import { NOW_MS, restartOf } from './group.ts';
import { JOINED, Restarting } from './restarting.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const entryOf = (name: string, agoMs: number, more: Partial<JournalEntry> = {}): JournalEntry =>
  restartOf(name, {
    ...{ token: `hash.${agoMs}`, atMs: NOW_MS - agoMs, outcome: 'done', endedAtMs: NOW_MS - agoMs },
    ...more,
  });

const textOf = (...entries: JournalEntry[]) => formatJournal(entries, NOW_MS - 365 * DAY_MS);
const facts = (stage: Restarting) => readConfigMap(stage.kube.observe(stage.journal.ref) ?? {});
const full = 'x'.repeat(920 * 1024);

describe('the journal, at each write,', () => {
  it('forgets groups that had no restart within 24 h', async () => {
    const stage = new Restarting(JOINED, {
      journal: {
        gone: textOf(entryOf('x', 25 * HOUR_MS)),
        empty: textOf(),
        lately: textOf(entryOf('y', HOUR_MS), entryOf('y', 25 * HOUR_MS)),
        open: textOf({ ...entryOf('z', 400 * DAY_MS), outcome: undefined, endedAtMs: undefined } as never),
        unreadable: '{',
      },
    });
    const wanted = await stage.wanted();
    await stage.restarter().attempt(wanted);
    const keys = Object.keys(facts(stage).data).sort();
    assert.deepEqual(keys, ['lately', 'open', 'unreadable', wanted.group].sort());
    assert.equal(readJournal(facts(stage), 'lately')?.length, 1);
    assert.equal(facts(stage).data.unreadable, '{', 'a person looks at it first');
  });

  it('keeps the newest entries of each StatefulSet, and all entries of the last hour', async () => {
    const minutes = (count: number, more: Partial<JournalEntry> = {}) =>
      Array.from({ length: count }, (_, index) => entryOf('y', (count - index) * 60_000 + HOUR_MS, more));
    const stage = new Restarting(JOINED, {
      journal: {
        many: textOf(...minutes(200), ...minutes(200, { outcome: 'void' }), entryOf('w', 23 * HOUR_MS)),
        hour: textOf(...Array.from({ length: 40 }, (_, index) => entryOf('v', index * 60_000))),
      },
    });
    await stage.journal.close('another', []);
    const many = readJournal(facts(stage), 'many') ?? [];
    const count = (outcome: string) => many.filter((each) => each.outcome === outcome).length;
    assert.deepEqual([count('done'), count('void')], [21, 10]);
    assert.ok(
      many.some(({ atMs }) => atMs === NOW_MS - HOUR_MS - 60_000),
      'the newest',
    );
    assert.ok(
      many.some(({ statefulSet }) => statefulSet === 'stellar/w'),
      'others have room of their own',
    );
    assert.equal(readJournal(facts(stage), 'hour')?.length, 40, 'the hour is counted');
  });
});

describe('a journal that is nearly full', () => {
  it('accepts no restart, and is reported as full', async () => {
    const stage = new Restarting(JOINED, { journal: { unreadable: full } });
    const attempt = await stage.restarter().attempt(await stage.wanted());
    assert.equal(attempt.kind === 'obstructed' && attempt.reason.code, 'JournalFull');
    assert.deepEqual([stage.tokens(), stage.entries()], [{}, []]);
  });

  it('still lets an open restart be closed', async () => {
    const { outcome: _, endedAtMs: __, ...open } = entryOf('y', HOUR_MS);
    const stage = new Restarting(JOINED, { journal: { unreadable: full, group: textOf(open) } });
    await stage.journal.close('group', [{ entry: open, outcome: 'done' }]);
    assert.deepEqual(
      readJournal(facts(stage), 'group')?.map(({ outcome }) => outcome),
      ['done'],
    );
  });
});

describe('the share of a namespace in the journal', () => {
  const HOURS = 23;
  /** Entries of that many KiB in one namespace, each for a StatefulSet of its own. */
  const spent = (namespace: string, kib: number) => {
    const { length } = textOf(entryOf('x', HOURS * HOUR_MS, { statefulSet: `${namespace}/set-10000` }));
    return textOf(
      ...Array.from({ length: Math.ceil((kib * 1024) / length) }, (_, index) =>
        entryOf('x', HOURS * HOUR_MS, { statefulSet: `${namespace}/set-${10_000 + index}` }),
      ),
    );
  };
  const attempted = async (journal: Record<string, string>) => {
    const stage = new Restarting(JOINED, { journal });
    const attempt = await stage.restarter().attempt(await stage.wanted());
    return { stage, attempt };
  };

  it('is half of the room that is left, so a namespace that fills its share holds no other namespace', async () => {
    const { attempt, stage } = await attempted({ one: spent('stellar', 300), two: spent('stellar', 200) });
    assert.ok(attempt.kind === 'refused');
    assert.deepEqual([attempt.reason.code, stage.tokens()], ['JournalFull', {}]);
    assert.match(attempt.reason.detail ?? '', /^stellar /);
    const others = await attempted({ one: spent('acme', 300), two: spent('acme', 200) });
    assert.equal(others.attempt.kind, 'begun');
  });

  it('leaves some room even if several namespaces have used their shares', async () => {
    const { attempt } = await attempted({
      one: spent('acme', 450),
      two: spent('globex', 225),
      three: spent('initech', 112),
    });
    assert.equal(attempt.kind, 'begun');
  });

  it('is reported only on the validators of this namespace, and holds no other validator of the group', async () => {
    const stage = new Restarting(JOINED, { journal: { one: spent('stellar', 500) } });
    stage.addNetwork('acme');
    const lane = stage.lane();
    for (let round = 0; round < 6; round += 1) {
      await stage.offer(lane);
    }
    assert.deepEqual(
      stage.entries().flatMap(({ statefulSet, outcome }) => (outcome ? [] : [statefulSet])),
      ['acme/a'],
    );
    const { plans } = await stage.plans();
    const told = [...plans.values()].flatMap(({ holds }) => [...holds]);
    assert.deepEqual(
      told.filter(([, { code }]) => code === 'JournalFull').map(([key]) => key),
      ['stellar/a', 'stellar/b', 'stellar/c'],
    );
  });
});
