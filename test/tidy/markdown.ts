/**
 * Extracts the parts of the repository's documents: links, anchors, code blocks and commands. Contains no checks.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Every page, by its path from the root. */
export function pagesOfTheRepository(): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return listed.split('\n').filter((page) => page !== '' && existsSync(join(ROOT, page)));
}

export const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** A fenced block: the word behind the fence, and what stands in it. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

const FENCED = /^( *)```(.*)\n([\s\S]*?)^\1```$/gm;

export const blocksIn = (text: string): Block[] =>
  [...text.matchAll(FENCED)].map(([, , language = '', body = '']) => ({
    language: language.trim(),
    text: body,
  }));

/** The page without its blocks: what a reader reads as prose. */
export const proseOf = (text: string): string => text.replace(FENCED, '');

/** Targets of links, as they are written. */
export const linksIn = (text: string): string[] =>
  [
    ...proseOf(text)
      .replaceAll(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, target = '']) => target);

/** What stands in backticks, outside of blocks. */
export const codeIn = (text: string): string[] =>
  [...proseOf(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);

/** The anchors that a page's headings make, as GitHub does: the second of a name gets `-1`. */
export function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, title = ''] of proseOf(text).matchAll(/^#{1,6} +(.+)$/gm)) {
    const plain = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').trim();
    const slug = plain
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

/** Titles of headings of one depth, without backticks. */
export const headingsOf = (text: string, depth: number): string[] =>
  [...proseOf(text).matchAll(new RegExp(`^#{${depth}} +(.+)$`, 'gm'))].map(([, title = '']) =>
    title.replaceAll('`', ''),
  );

/** The section under a heading, up to the next one of the same depth or higher. */
export function sectionOf(text: string, title: string): string {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ +/, '') === title);
  if (start === -1) return '';
  const depth = (lines[start] ?? '').indexOf(' ');
  const after = lines.slice(start + 1);
  const end = after.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= depth);
  return after.slice(0, end === -1 ? undefined : end).join('\n');
}

/** Commands that a person is shown: lines of shell blocks without comments, and code in the prose; a line each. */
export function commandsIn(text: string): string[] {
  const shell = blocksIn(text)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text: body }) => body.replaceAll(/\\\n\s*/g, ' ').split('\n'));
  const shown = blocksIn(text)
    .filter(({ language }) => language === 'text')
    .flatMap(({ text: body }) => body.split('\n').filter((line) => line.startsWith('$ ')))
    .map((line) => line.slice(2));
  return [...shell, ...shown, ...codeIn(text)]
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/\s*(?:&&|\|\||[;|])\s*/))
    .map((command) => command.trim())
    .filter((command) => command !== '');
}

/** Rows of the tables of a text, a list of cells each, without the heads. */
export function rowsIn(text: string): string[][] {
  const lines = text.split('\n');
  return lines
    .filter(
      (line, index) =>
        line.startsWith('|') && !/^\|[-|: ]+\|$/.test(line) && !/^\|[-|: ]+\|$/.test(lines[index + 1] ?? ''),
    )
    .map((line) =>
      line
        .slice(1, line.trimEnd().length - 1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}
