/** Compares the documents with the repository: links, commands, names, tables and YAML. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { readSettings, SETTING_NAMES } from '../../app/settings.ts';
import { SETTINGS } from '../../app/settings-table.ts';
import { runProgram } from '../../cli/program.ts';
import type { Member } from '../../peers/discovery/discover.ts';
import { digestOf, identityOf } from '../../peers/hash.ts';
import * as names from '../../peers/names.ts';
import { REASONS } from '../../peers/reasons/reasons.ts';
import { renderView } from '../../peers/views/views.ts';
import type { ConfigMapFacts } from '../../peers/world.ts';
import { formatJournal, readJournal } from '../../reconciler/plan/journal/journal.ts';
import { FakeTerminal } from '../unit/cli/fake-terminal.ts';
import {
  anchorsOf,
  blocksIn,
  codeIn,
  commandsIn,
  headingsOf,
  linksIn,
  pagesOfTheRepository,
  rowsIn,
  sectionOf,
  textOf,
} from './markdown.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = pagesOfTheRepository();
const exists = (path: string): boolean => existsSync(join(ROOT, path));
/** What is found on each page, with the page in front. */
const onPages = (find: (text: string, page: string) => Iterable<string>): string[] =>
  PAGES.flatMap((page) => [...find(textOf(page), page)].map((found) => `${page}: ${found}`));

describe('links', () => {
  it('lead to files that exist, and to headings that they have', () => {
    assert.ok(PAGES.length > 30);
    const broken = onPages((text, page) =>
      linksIn(text).filter((link) => !/^https?:/.test(link) && !isThere(link, page)),
    );
    assert.deepEqual(broken, []);
  });
  const isThere = (link: string, page: string): boolean => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    return exists(target) && (anchor === undefined || anchorsOf(textOf(target)).has(anchor));
  };

  it('reach every page of docs/ from the README', () => {
    const linked = new Set(linksIn(textOf('README.md')));
    const missing = PAGES.filter((page) => /^docs\/[^/]+\.md$/.test(page) && !linked.has(page));
    assert.deepEqual(missing, []);
  });
});

describe('what a reader has to read', () => {
  const isGenerated = (text: string): boolean => /^# .*\n\n<!-- made by/.test(text);
  /** Without the parts that `npm run docs` writes. */
  const written = (text: string): string =>
    text.replaceAll(/<!-- (.+) -->\n<!-- made by[\s\S]*?<!-- \/\1 -->/g, '');
  const guides = PAGES.filter(
    (page) => (/^docs\/[^/]+\.md$/.test(page) || page === 'README.md') && !isGenerated(textOf(page)),
  );

  it('is at most 2,800 lines on at most 14 pages, beside decisions, examples and generated tables', () => {
    const lines = guides.reduce((sum, page) => sum + written(textOf(page)).split('\n').length - 1, 0);
    assert.ok(guides.length <= 14, guides.join(' '));
    assert.ok(lines <= 2_800, `${lines} lines`);
  });

  it('takes at most 25 words of our own', () => {
    const words = rowsIn(sectionOf(textOf('docs/architecture.md'), 'Glossary'));
    assert.ok(words.length > 10 && words.length <= 25, `${words.length}`);
  });
});

describe('files that pages name', () => {
  /** Where a page means a folder of its own when it names a file. */
  const FOLDERS = ['', 'test', 'test/unit', 'test/e2e', 'docs', 'manifests/base'];
  /** Written by a command, hence not in the repository. */
  const MADE = /^(dist|\.run)\//;
  const isPath = (code: string): boolean =>
    /^[\w./-]*\w\.(ts|yaml|md|mjs|sh|json|patch)$/.test(code) && code.includes('/');

  it('are there', () => {
    const missing = onPages((text, page) =>
      codeIn(text).filter(
        (code) =>
          isPath(code) &&
          !MADE.test(code) &&
          ![dirname(page), ...FOLDERS].some((folder) => exists(join(folder, code))),
      ),
    );
    assert.deepEqual(missing, []);
  });
});

describe('commands that pages show', () => {
  const words = (command: string): string[] => command.split(/\s+/);
  const named = (program: RegExp) =>
    onPages((text) => commandsIn(text).filter((command) => program.test(command)));
  const after = (found: string): string => found.slice(found.indexOf(': ') + 2);

  it('are targets of the Makefile and scripts of package.json', () => {
    const makefile = readFileSync(join(ROOT, 'Makefile'), 'utf8');
    const targets = new Set([...makefile.matchAll(/^([a-z-]+):/gm)].map(([, target]) => target));
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const isKnown = (command: string): boolean => {
      const [program, ...rest] = words(command);
      const asked = rest.filter((word) => !/=|^-/.test(word));
      if (program === 'make') return asked.every((target) => targets.has(target));
      return asked[0] !== 'run' || Object.hasOwn(scripts, asked[1] ?? '');
    };
    const found = named(/^(make|npm)( |$)/);
    assert.ok(found.length > 40);
    assert.deepEqual(
      found.filter((each) => !isKnown(after(each))),
      [],
    );
  });

  it('are files that node can run', () => {
    const missing = named(/^node .*\.(ts|mjs)\b/).filter((found) => {
      const file = words(after(found)).find((word) => /\.(ts|mjs)$/.test(word)) ?? '';
      return !/[*…]/.test(file) && !exists(file);
    });
    assert.deepEqual(missing, []);
  });

  it('are subcommands and flags that stellar-peers has', async () => {
    const help = async (...command: string[]): Promise<string> => {
      const terminal = new FakeTerminal();
      const { code } = await runProgram([...command, '--help'], { env: {}, terminal });
      assert.equal(code, 0, terminal.err);
      return terminal.out;
    };
    const overview = await help();
    const isKnown = async (command: string): Promise<boolean> => {
      const rest = words(command).slice(command.startsWith('kubectl') ? 2 : 1);
      const [subcommand = ''] = rest;
      if (subcommand.startsWith('-'))
        return overview.includes(subcommand) || subcommand === '--help' || subcommand === '--version';
      if (subcommand !== '' && !overview.includes(`stellar-peers ${subcommand}`) && subcommand !== 'run')
        return false;
      // The one command of two words.
      const usage = await help(...rest.slice(0, subcommand === 'rollout' ? 2 : 1));
      const flags = rest.filter((word) => /^--?[a-z]/i.test(word)).map((flag) => flag.replace(/=.*/, ''));
      return flags.every((flag) => new RegExp(`(^|[^\\w-])${flag}\\b`, 'm').test(usage));
    };
    const found = named(/^((bin\/)?stellar-peers|kubectl stellar-peers)( |$)/);
    assert.ok(found.length > 20);
    const unknown: string[] = [];
    for (const each of found) if (!(await isKnown(after(each)))) unknown.push(each);
    assert.deepEqual(unknown, []);
  });

  it('name folders and files of this repository', () => {
    const missing = named(/^kubectl /).filter((found) => {
      const all = words(after(found));
      const paths = all.filter((_, index) => ['-f', '-k'].includes(all[index - 1] ?? ''));
      return paths.some((path) => /^(manifests|examples)\//.test(path) && !exists(path));
    });
    assert.deepEqual(missing, []);
  });
});

describe('names', () => {
  const known = new Set(
    Object.values<unknown>(names).filter(
      (value): value is string => typeof value === 'string' && /^stellar\.org\/[^=]+$/.test(value),
    ),
  );

  it('of annotations and labels are those of the code', () => {
    // The version of the API, and labels that people put on the namespaces of their monitoring and their ingress.
    const others = ['stellar.org/v1alpha1', 'stellar.org/peer-metrics', 'stellar.org/peer-status'];
    const unknown = onPages((text) =>
      [...text.matchAll(/(?<!stellarnode\.)stellar\.org\/[a-z][a-z0-9-]*[a-z0-9]/g)]
        .map(([name]) => name)
        .filter((name) => !known.has(name) && !others.includes(name) && !name.startsWith('stellar.org/v1')),
    );
    assert.deepEqual(unknown, []);
  });

  it('of annotations and labels stand in the reference, all of them', () => {
    const listed = rowsIn(sectionOf(textOf('docs/reference.md'), 'Annotations and labels')).map(
      ([name = '']) => name.replaceAll('`', ''),
    );
    const ours = [...known].filter((name) => name !== names.STELLAR_API_VERSION);
    assert.deepEqual([...new Set(listed)].sort(), ours.sort());
  });

  it('of settings are those of the code', () => {
    const envs = new Set(Object.values(SETTINGS).map(({ env }) => env));
    const shown = onPages((text) =>
      commandsIn(text).flatMap((command) =>
        [...command.matchAll(/(?:--set |set env \S+ )([A-Z_]+)=/g)]
          .map(([, name = '']) => name)
          .filter((name) => !envs.has(name as never)),
      ),
    );
    assert.deepEqual(shown, []);
  });
});

describe('a pause by kubectl', () => {
  it('also holds where the annotation is set to something else: kubectl refuses another value without --overwrite', () => {
    const refused = [...PAGES, 'manifests/chart/templates/NOTES.txt'].flatMap((page) =>
      textOf(page)
        .split('\n')
        .filter((line) => /annotate .*peer-rollout=paused/.test(line) && !line.includes('--overwrite'))
        .map((line) => `${page}: ${line}`),
    );
    assert.deepEqual(refused, []);
  });
});

describe('YAML on pages', () => {
  it('sets only settings that there are, to what they take', () => {
    const envs = onPages((text) =>
      blocksIn(text)
        .filter(({ language }) => language === 'yaml')
        .flatMap(({ text: yaml }) =>
          [...yaml.matchAll(/- name: ([A-Z_]+)\n +value: "?([^"\n]*)"?/g)]
            .filter(([, name]) => name !== 'KNOWN_PEERS_FILE')
            .filter(([, name = '', value = '']) => !SETTING_NAMES.includes(name) || !isTaken(name, value))
            .map(([, name = '']) => name),
        ),
    );
    assert.deepEqual(envs, []);
  });
  const isTaken = (name: string, value: string): boolean => {
    try {
      return readSettings({ [name]: value }) !== undefined;
    } catch {
      return false;
    }
  };

  it('can be read, all of it', () => {
    const unreadable = onPages((text) =>
      blocksIn(text)
        .filter(({ language }) => language === 'yaml')
        .flatMap(({ text: yaml }) =>
          parseAllDocuments(yaml).flatMap(({ errors }) => errors.map(({ message }) => message)),
        ),
    );
    assert.deepEqual(unreadable, []);
  });

  it('as JSON can be read too', () => {
    for (const page of PAGES)
      for (const { language, text } of blocksIn(textOf(page)))
        if (language === 'json') assert.ok(parse(text), page);
  });
});

describe('troubleshooting', () => {
  const page = textOf('docs/troubleshooting.md');
  const entries = headingsOf(page, 3);

  it('has entries for reasons only, each with a command and what to make of it', () => {
    assert.deepEqual(
      entries.filter((code) => !Object.hasOwn(REASONS, code)),
      [],
    );
    for (const code of entries) assert.match(sectionOf(page, code), /^\n`[^`]+`\n\n\S/, code);
  });

  it('stands beside a table of every reason', () => {
    const codes = rowsIn(textOf('docs/reasons.md')).map(([code = '']) => code.replaceAll('`', ''));
    assert.deepEqual(codes.sort(), Object.keys(REASONS).sort());
  });
});

describe('the runbook', () => {
  const page = textOf('docs/runbook.md');
  const alertRules = (): string =>
    execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'manifests/monitoring'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
      .split('\n')
      .filter((file) => /\.(ya?ml|json)$/.test(file) && exists(file))
      .map((file) => readFileSync(join(ROOT, file), 'utf8'))
      .join('\n');

  it('opens with what is asked first', () => {
    assert.deepEqual(headingsOf(page, 2), [
      'The network halted: is it us?',
      'Stop everything',
      'Remove it safely',
      'A token or a key of ours is stolen',
      'Alerts',
    ]);
  });

  it('has a section for every alert that is shipped, and every alert points to its own', () => {
    const shipped = alertRules().matchAll(/runbook_url"?: *\S*runbook\.md#([\w-]+)/g);
    const anchors = anchorsOf(page);
    assert.deepEqual(
      [...shipped].map(([, anchor = '']) => anchor).filter((anchor) => !anchors.has(anchor)),
      [],
    );
    const alerts = [...alertRules().matchAll(/\balert"?: *"?(\w+)/g)].map(([, alert]) => alert);
    const described = headingsOf(sectionOf(page, 'Alerts'), 3);
    assert.deepEqual(
      alerts.filter((alert) => !described.includes(alert ?? '')),
      [],
    );
  });
});

describe('the checklist', () => {
  const rows = rowsIn(textOf('docs/seed-checklist.md'));

  it('names for each promise a file, and what is really in it', () => {
    assert.ok(rows.length > 40);
    const empty = rows.filter(([, file = '', shown = '']) => {
      const path = file.replaceAll('`', '');
      return shown === '' || !exists(path) || !readFileSync(join(ROOT, path), 'utf8').includes(shown);
    });
    assert.deepEqual(empty, []);
  });
});

describe('the formats in the reference', () => {
  const blockAfter = (mark: string): string => {
    const rest = textOf('docs/reference.md').split(`<!-- ${mark} -->\n`)[1] ?? '';
    return blocksIn(rest)[0]?.text ?? '';
  };
  const member = (name: string): Member => {
    const dns = `${name}-0.${name}-headless.stellar.svc.cluster.local`;
    const identity = identityOf('stellar', `${name}-0`, 11_625);
    const own = {
      podKey: `stellar/${name}-0`,
      node: `stellar/${name}`,
      namespace: 'stellar',
      pod: `${name}-0`,
      ordinal: 0,
      port: 11_625,
    };
    return {
      ...own,
      identity,
      digest: digestOf(identity),
      dns,
      address: `${dns}:11625`,
      isAdvertised: false,
    };
  };

  it('of the peers is what the code renders', () => {
    const { data } = parse(blockAfter('peers')) as { data: Record<string, string> };
    const { publishedAt } = JSON.parse(data['validator-1.view.json'] ?? '') as { publishedAt: string };
    const view = ['validator-2', 'validator-3'].map(member);
    assert.deepEqual(data, renderView('validator-1', { view, externals: [] }, Date.parse(publishedAt)));
  });

  it('of the journal is what the code reads', () => {
    const facts = { data: { network: blockAfter('journal') } } as unknown as ConfigMapFacts;
    const [entry] = readJournal(facts, 'network') ?? [];
    assert.equal(entry?.outcome, 'done');
    assert.deepEqual(JSON.parse(formatJournal([entry], entry.atMs)), JSON.parse(blockAfter('journal')));
  });

  it('of the overview names the fields that the code writes', () => {
    const files = ['reconciler/plan/publish/overview.ts', 'reconciler/plan/signals/evidence.ts'];
    const overview = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
    const section = sectionOf(textOf('docs/reference.md'), 'Overview');
    const named = codeIn(rowsIn(section).flat().join(' ')).filter((code) => /^[a-z_]+$/.test(code));
    const unknown = named.filter((field) => !new RegExp(`\\b${field}\\b`).test(overview));
    assert.deepEqual(
      unknown.filter((field) => !['mainnet', 'testnet', 'futurenet'].includes(field)),
      [],
    );
  });

  it('of stamps on pods name the digests of validators that the pages speak of', () => {
    const digests = [1, 2, 3, 4].map((number) => digestOf(`stellar/validator-${number}-0:11625`));
    const strange = onPages((text, page) =>
      page.startsWith('docs/decisions/')
        ? []
        : [...text.matchAll(/\bv1:([0-9a-f]{8}(?:,[0-9a-f]{8})*)/g)]
            .flatMap(([, list = '']) => list.split(','))
            .filter((digest) => !digests.includes(digest)),
    );
    assert.deepEqual(strange, []);
  });

  it('and decisions are all in their index', () => {
    const linked = linksIn(textOf('docs/decisions/README.md'));
    const missing = PAGES.filter((page) => page.startsWith('docs/decisions/0')).filter(
      (page) => !linked.includes(page.slice('docs/decisions/'.length)),
    );
    assert.deepEqual(missing, []);
  });
});
