import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { JournalStore } from '../../../reconciler/apply/journal-store.ts';
import {
  closeEntry,
  formatJournal,
  type JournalEntry,
  openEntries,
  readJournal,
} from '../../../reconciler/plan/journal/journal.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { failure, MemoryKube } from '../stand-ins/memory-kube.ts';
import { NOW_MS, restartOf } from './group.ts';

const HOUR_MS = 3_600_000;
const GROUP = 'testnet';

const entryOf = (name: string, changed: Partial<JournalEntry> = {}): JournalEntry =>
  restartOf(name, { token: `hash.${name}`, ...changed });

const reread = (text: string) => readJournal(journalWith(text), GROUP);
const journalWith = (text: string) =>
  readConfigMap({ metadata: { name: 'journal' }, data: { [GROUP]: text } });

describe('the text of a journal', () => {
  const entry: fc.Arbitrary<JournalEntry> = fc
    .record({
      statefulSet: fc.constantFrom('stellar/a', 'stellar/b'),
      kind: fc.constantFrom('bump', 'delete'),
      uids: fc.array(fc.uuid(), { maxLength: 3 }),
      token: fc.string(),
      drift: fc.constantFrom('short', 'isolated', 'notInjected', 'a kind of the future'),
      atMs: fc.integer({ min: NOW_MS - 30 * HOUR_MS, max: NOW_MS }),
      closed: fc.option(
        fc.record({
          outcome: fc.constantFrom('done', 'notInjected', 'unwitnessed', 'void', 'gone'),
          endedAtMs: fc.integer({ min: NOW_MS - 30 * HOUR_MS, max: NOW_MS }),
        }),
        { nil: undefined },
      ),
    })
    .map(({ closed, ...rest }) => ({ ...rest, ...closed }) as JournalEntry);

  it('gives back every entry that it keeps: all of 24 h, of bare pods 30 days, and open ones for ever', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const kept = entries.filter(
          ({ outcome, atMs }) =>
            outcome === undefined ||
            NOW_MS - atMs < (outcome === 'notInjected' ? 30 * 24 * HOUR_MS : 24 * HOUR_MS),
        );
        assert.deepEqual(reread(formatJournal(entries, NOW_MS)), kept);
      }),
    );
  });

  it('still knows an open restart after a year', () => {
    const text = formatJournal([entryOf('a'), entryOf('b', { outcome: 'done', endedAtMs: NOW_MS })], NOW_MS);
    const later = formatJournal(reread(text) ?? [], NOW_MS + 365 * 24 * HOUR_MS);
    assert.deepEqual(reread(later), [entryOf('a')]);
  });

  it('of a group that never restarted anything is empty; one that cannot be read in full is unknown', () => {
    assert.deepEqual(readJournal(undefined, GROUP), []);
    assert.deepEqual(readJournal(journalWith('{'), 'another'), []);
    const good = JSON.parse(formatJournal([entryOf('a')], NOW_MS)).restarts[0];
    const bad: unknown[] = [
      3,
      null,
      {},
      { ...good, kind: 'evict' },
      { ...good, at: 'yesterday' },
      { ...good, uids: 'pod' },
      { ...good, token: 1 },
      { ...good, statefulSet: undefined },
      { ...good, outcome: 'fine' },
    ];
    for (const each of bad) {
      assert.equal(reread(JSON.stringify({ restarts: [good, each] })), undefined, JSON.stringify(each));
    }
    for (const text of ['', '{', '[]', 'null', '{"restarts":{}}'])
      assert.equal(reread(text), undefined, text);
  });

  it('closes the one entry that is meant, once', () => {
    const [a, b] = [entryOf('a'), entryOf('b')];
    const closed = closeEntry([a, b], a, { outcome: 'done', endedAtMs: NOW_MS + 1 });
    assert.deepEqual(closed, [{ ...a, outcome: 'done', endedAtMs: NOW_MS + 1 }, b]);
    assert.deepEqual(openEntries(closed), [b]);
    assert.deepEqual(closeEntry(closed, a, { outcome: 'void', endedAtMs: NOW_MS + 2 }), closed);
  });

  it('does not close an entry that another leader has begun again with the same intent', () => {
    const mine = entryOf('a');
    const anew = { ...mine, atMs: mine.atMs + 60_000 };
    assert.deepEqual(closeEntry([anew], mine, { outcome: 'void', endedAtMs: NOW_MS + 61_000 }), [anew]);
  });
});

describe('the journal in the cluster', () => {
  const setUp = () => {
    const kube = new MemoryKube();
    const clock = new ManualClock(NOW_MS);
    const store = () => new JournalStore({ kube, clock, namespace: 'stellar-peers' });
    const { ref } = store();
    const version = () => kube.observe(ref)?.metadata.resourceVersion;
    const entries = (group = GROUP) => readJournal(readConfigMap(kube.observe(ref) ?? {}), group);
    return { kube, clock, store, ref, version, entries };
  };

  it('stores an intent, and is created if it did not exist', async () => {
    const { store, entries } = setUp();
    assert.equal(await store().open(GROUP, entryOf('a'), undefined), 'opened');
    assert.deepEqual(entries(), [entryOf('a')]);
  });

  it('lets exactly one of several leaders open at the same version', async () => {
    for (const there of [false, true]) {
      for (const groups of [
        ['g', 'g', 'g'],
        ['g', 'h', 'i'],
      ]) {
        const { store, version, entries } = setUp();
        if (there) await store().close('another', []);
        const read = version();
        const opened = await Promise.all(
          groups.map((group, index) => store().open(group, entryOf(`${index}`), read)),
        );
        assert.equal(opened.filter((each) => each === 'opened').length, 1);
        const written = [...new Set(groups)].flatMap((group) => entries(group) ?? []);
        assert.deepEqual(written, [entryOf(`${opened.indexOf('opened')}`)]);
      }
    }
  });

  it('refuses an intent that was planned on an older journal', async () => {
    const { store, version, entries } = setUp();
    await store().close(GROUP, []);
    const read = version();
    await store().open('another', entryOf('b'), read);
    assert.equal(await store().open(GROUP, entryOf('a'), read), 'behind');
    assert.deepEqual(entries(), []);
  });

  it('refuses an intent while another of the group is open, or the group cannot be read', async () => {
    const { kube, store, ref, version, entries } = setUp();
    await store().open(GROUP, entryOf('a'), undefined);
    assert.equal(await store().open(GROUP, entryOf('b'), version()), 'behind');
    assert.deepEqual(entries(), [entryOf('a')]);
    await kube.patch(ref, [{ op: 'add', path: `/data/${GROUP}`, value: '{' }]);
    assert.equal(await store().open(GROUP, entryOf('b'), version()), 'behind');
    assert.equal(entries(), undefined);
  });

  it('closes an entry although another group wrote in between', async () => {
    const { kube, clock, store, entries } = setUp();
    await store().open(GROUP, entryOf('a'), undefined);
    let others = 3;
    const { replace } = kube;
    kube.replace = async (ref, body) => {
      if (others > 0) {
        others -= 1;
        await kube.patch(ref, [{ op: 'add', path: '/data/another', value: `${others}` }]);
      }
      return replace(ref, body);
    };
    clock.advance(60_000);
    await store().close(GROUP, [{ entry: entryOf('a'), outcome: 'done' }]);
    assert.deepEqual(entries(), [entryOf('a', { outcome: 'done', endedAtMs: NOW_MS + 60_000 })]);
    assert.equal(readConfigMap(kube.observe(store().ref) ?? {}).data.another, '0');
  });

  it('does not overwrite the entries of a group that another program made unreadable', async () => {
    const { kube, store, ref, entries } = setUp();
    await store().open(GROUP, entryOf('a'), undefined);
    await kube.patch(ref, [{ op: 'add', path: `/data/${GROUP}`, value: '{' }]);
    const closing = { entry: entryOf('a'), outcome: 'void' } as const;
    await assert.rejects(store().close(GROUP, [closing]), /cannot be read in full/);
    assert.equal(entries(), undefined);
  });

  it('fails where the API server fails, and then has not opened anything', async () => {
    const { kube, store, entries } = setUp();
    await store().close(GROUP, []);
    for (const status of [403, 500, 0]) {
      kube.intercept = (request) => {
        if (request.startsWith('replace')) throw failure(status, '', 'no');
      };
      await assert.rejects(store().open(GROUP, entryOf('a'), undefined), { status });
    }
    assert.deepEqual(entries(), []);
  });
});
