/** The attacks in docs/security.md: each one that is stopped names an existing test. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/[`…\\]/g, '');

const tests = execFileSync('git', ['ls-files', 'test'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file.endsWith('.ts'));
const titles = plain(tests.map(textOf).join('\n'));

interface Row {
  readonly attack: string;
  readonly stop: string;
  readonly shownBy: string;
}

/** The rows of the tables whose last column names tests. */
const rows: Row[] = textOf('docs/security.md')
  .split('\n\n')
  .map((part) => part.split('\n').filter((line) => line.startsWith('|')))
  .filter(([head = '']) => /\| (?:test|shown by) \|$/.test(head))
  .flatMap(([, , ...lines]) => lines)
  .map((line) => {
    const [shownBy = '', stop = '', attack = ''] = line.split('|').slice(1, -1).toReversed();
    return { attack: attack.trim(), stop, shownBy: shownBy.trim() };
  });

/** The words by which a title is named; it may begin with the title of its suite. */
const named = ({ shownBy }: Row): string[] =>
  shownBy
    .replace(/`[^`]+`/g, ';')
    .split(/[;,:]/)
    .map((part) => plain(part).trim())
    .filter((part) => part.split(' ').length > 3);

const isTitle = (part: string): boolean => {
  const words = part.split(' ');
  return [0, 1, 2, 3, 4].some(
    (from) => words.length - from > 1 && titles.includes(words.slice(from).join(' ')),
  );
};

describe('each attack in docs/security.md', () => {
  it('names a test, or says that nothing stops it', () => {
    assert.ok(rows.length > 80);
    const bare = rows.filter(({ stop, shownBy }) => shownBy === '' && !stop.trim().startsWith('**nothing**'));
    assert.deepEqual(bare, []);
  });

  it('names files and titles that there are', () => {
    const files = rows.flatMap(({ shownBy }) =>
      [...shownBy.matchAll(/`([^`]+\.ts)`/g)].map(([, name]) => name),
    );
    const missing = files.filter((name) => !tests.some((file) => `/${file}`.endsWith(`/${name}`)));
    assert.deepEqual(missing, []);
    assert.deepEqual(
      rows.flatMap(named).filter((part) => !isTitle(part)),
      [],
    );
  });
});
