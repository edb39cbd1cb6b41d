/**
 * A mounted source serves no incomplete files, and logs one sentence about them.
 */
import assert from 'node:assert/strict';
import { rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Bundle, Latest } from '../../../certs/source.ts';
import { readMounted } from '../../../runtime/mounted-files.ts';
import { NOW_MS } from '../stand-ins/now.ts';
import { DAY_MS, goodContent, MINUTE_MS } from './managed-world.ts';
import { filesOf, mountedFolder } from './mounted-world.ts';

/** The number of tries. In each, the files are swapped twice, at different moments. */
const READS = 200;

async function setUp(t: TestContext) {
  const parts = await mountedFolder();
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
    parts.close();
  });
  const { clock } = parts;
  const idle = () => {
    const endMs = clock.monotonicMs() + 5 * MINUTE_MS;
    return clock.passUntil(() => clock.monotonicMs() >= endMs);
  };
  const bundle = new Latest<Bundle>();
  const given: Bundle[] = [];
  bundle.onChange(() => given.push(bundle.observe() ?? assert.fail()));
  /** Follows the files. The bundles that the source set are in `given`. */
  const follow = () => void parts.source().run(bundle, stop.signal);
  return { ...parts, idle, given, follow };
}

const other = await goodContent(NOW_MS);
const late = await goodContent(NOW_MS - 400 * DAY_MS);
const foreign = await goodContent(NOW_MS, ['other.svc']);
type Files = Record<string, string>;
const FAULTS: ReadonlyArray<readonly [string, (good: Files) => Files, string]> = [
  ['of a key that belongs to another', (good) => ({ ...good, 'tls.key': other.keyPem }), 'KeyMismatch'],
  ['of a CA that did not sign it', (good) => ({ ...good, 'ca.crt': other.caPem }), 'WrongIssuer'],
  ['of a half-written key', (good) => ({ ...good, 'tls.key': other.keyPem.slice(0, 200) }), 'Unreadable'],
  ['of an empty certificate', (good) => ({ ...good, 'tls.crt': '' }), 'Empty'],
  ['without ca.crt', ({ 'ca.crt': _, ...rest }) => rest, 'Empty'],
  ['without tls.key', ({ 'tls.key': _, ...rest }) => rest, 'Unreadable'],
  ['that has expired', () => filesOf(late), 'Expired'],
  ['for other hosts', () => filesOf(foreign), 'WrongHost'],
];
for (const [what, spoil, reason] of FAULTS) {
  test(`a set of files ${what} is logged once, with the reason ${reason}, and the last good set stays`, async (t) => {
    const { clock, good, given, follow, idle, log, secret } = await setUp(t);
    follow();
    await clock.passUntil(() => given.length === 1);
    secret.write(spoil(filesOf(good)));
    await clock.passUntil(() => log.with(/cannot be used/).length > 0);
    await idle();
    const told = log.with(/cannot be used/);
    assert.deepEqual(
      told.map(({ level, fields }) => [level, fields.reason]),
      [['warn', reason]],
    );
    assert.match(told[0]?.message ?? '', /the last good one stays in use/);
    assert.equal(given.length, 1);
    secret.write(filesOf(other));
    await clock.passUntil(() => given.length === 2);
    assert.equal(given[1]?.certPem, other.certPem);
  });
}

test('a folder that does not exist yet is logged, and read when it exists', async (t) => {
  const { clock, given, follow, idle, log, secret, good } = await setUp(t);
  rmSync(secret.folder, { recursive: true });
  follow();
  await idle();
  assert.equal(log.with(/there is none to serve yet/).length, 1);
  assert.equal(given.length, 0);
  secret.write(filesOf(good));
  await clock.passUntil(() => given.length === 1);
});

test('a plain folder without links is read too', async (t) => {
  const { clock, given, follow, secret, good } = await setUp(t);
  rmSync(secret.folder, { recursive: true });
  secret.write({});
  unlinkSync(join(secret.folder, '..data'));
  for (const [name, text] of Object.entries(filesOf(good))) writeFileSync(join(secret.folder, name), text);
  follow();
  await clock.passUntil(() => given.length === 1);
});

test('files are of one version, however often they are swapped while they are read', async (t) => {
  const { secret } = await setUp(t);
  const names = ['a', 'b', 'c'];
  let version = 0;
  const swap = () => {
    version += 1;
    secret.write(Object.fromEntries(names.map((name) => [name, `${version}`])));
  };
  swap();
  for (let read = 0; read < READS; read += 1) {
    const before = version;
    const reading = readMounted(secret.folder, names);
    for (const turns of [read % 20, read % 7]) {
      for (let count = 0; count < turns; count += 1) await turn();
      swap();
    }
    const texts = await reading;
    assert.equal(new Set(texts).size, 1, texts.join());
    assert.ok(Number(texts[0]) >= before);
  }
});
