/**
 * Writes docs/settings.md, docs/reasons.md and docs/metrics.md from the tables in the code.
 * `--check` writes nothing and fails where a page differs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { REASONS } from '../peers/reasons.ts';
import { METRICS } from '../runtime/metrics.ts';
import { SETTINGS } from '../settings-table.ts';

const MADE = '<!-- made by `npm run docs` from the tables in the code; do not edit -->';

const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => `\`${cell(text)}\``;

const page = (
  title: string,
  intro: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string =>
  [
    `# ${title}`,
    '',
    MADE,
    '',
    intro,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');

function settingsPage(): string {
  const intro = 'Environment variables of the Deployment. An empty value means the default.';
  const rows = Object.values(SETTINGS).map(({ env, fallback, doc }) => [
    code(env),
    fallback === '' ? 'empty' : code(String(fallback)),
    cell(doc),
  ]);
  return page('Settings', intro, ['variable', 'default', 'what it does'], rows);
}

function reasonsPage(): string {
  const intro =
    'Everything that was not done has one of these codes: in the log (`reason`), in Events, in the metric ' +
    '`stellar_peers_waiting` and in `stellar-peers status`.';
  const rows = Object.entries(REASONS).map(([name, { sentence, release }]) => [
    code(name),
    cell(sentence),
    cell(release),
  ]);
  return page('Reasons', intro, ['code', 'what it means', 'what to do'], rows);
}

function metricsPage(): string {
  const intro = 'Served as `/metrics` on `HTTP_PORT` of every replica.';
  const rows = Object.entries(METRICS).map(([name, { kind, labels, help }]) => [
    code(name),
    kind,
    labels.map(code).join(', ') || 'none',
    cell(help),
  ]);
  return page('Metrics', intro, ['name', 'kind', 'labels', 'what it counts'], rows);
}

/** The generated pages by file name. */
const pages: Readonly<Record<string, string>> = {
  'settings.md': settingsPage(),
  'reasons.md': reasonsPage(),
  'metrics.md': metricsPage(),
};

const folder = new URL('../docs/', import.meta.url);
const check = process.argv.includes('--check');
for (const [name, text] of Object.entries(pages)) {
  const file = new URL(name, folder);
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`docs/${name} is not what the code says: run \`npm run docs\`\n`);
    process.exitCode = 1;
  }
}
