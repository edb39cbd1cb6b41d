/**
 * Writes the generated pages and parts of pages: docs/settings.md, docs/reasons.md and docs/metrics.md from the tables in
 * the code; docs/licences.md from the packages; the mutants into docs/rollout.md; our rights and the policies, from the
 * manifests, into docs/security.md; the help texts and the checks into docs/command.md; the tested versions into
 * docs/operations.md; the settings into the schema of the chart's values; alerts and dashboard into manifests/monitoring/
 * and the chart. `--check` writes nothing, and fails if a page differs.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { SETTINGS } from '../app/settings-table.ts';
import { CHECKS } from '../cli/check/evaluate.ts';
import { COMMANDS } from '../cli/commands.ts';
import { overviewOf, usageOf } from '../cli/usage.ts';
import { REASONS } from '../peers/reasons/reasons.ts';
import { METRICS } from '../runtime/metrics.ts';
import { readMutant } from '../test/mutants/mutant.ts';
import { alertsNow, prometheusRule, rulesFile } from './alerts.ts';
import { dashboardJson } from './dashboard.ts';
import { bundledPackages } from './packages.ts';
import { policiesIn, rulesIn } from './rights.ts';
import { testedVersions } from './tested-versions.ts';

const MADE = '<!-- made by `npm run docs` from the tables in the code; do not edit -->';

const CHART_SCHEMA = '../manifests/chart/values.schema.json';

const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => `\`${cell(text)}\``;

type Rows = ReadonlyArray<readonly string[]>;

const table = (head: readonly string[], rows: Rows): string =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');

const page = (title: string, intro: string, body: string): string =>
  [`# ${title}`, '', MADE, '', intro, '', body].join('\n');

function settingsPage(): string {
  const intro =
    'Environment variables of the Deployment. An empty value means the default. The settings about restarts are explained ' +
    'in [how validators are restarted](rollout.md).';
  const rows = Object.values(SETTINGS).map(({ env, fallback, doc }) => [
    code(env),
    fallback === '' ? 'empty' : code(String(fallback)),
    cell(doc),
  ]);
  return page('Settings', intro, table(['variable', 'default', 'what it does'], rows));
}

function reasonsPage(): string {
  const intro =
    'Each action that stellar-peers does not take has a reason with one of these codes: in the log (`reason`), in Events, in the metric ' +
    '`stellar_peers_waiting` and in `stellar-peers status`. [Troubleshooting](troubleshooting.md) shows how to look closer. ' +
    'Where Helm, Flux or Argo CD applies the object that a command changes, change it there: [GitOps](operations.md#gitops).';
  const rows = Object.entries(REASONS).map(([name, { sentence, release }]) => [
    code(name),
    cell(sentence),
    cell(release),
  ]);
  return page('Reasons', intro, table(['code', 'what it means', 'what to do'], rows));
}

function metricsPage(): string {
  const intro = 'Served as `/metrics` on `HTTP_PORT` of every replica.';
  const rows = Object.entries(METRICS).map(([name, { kind, labels, help }]) => [
    code(name),
    kind,
    labels.map(code).join(', ') || 'none',
    cell(help),
  ]);
  const metrics = table(['name', 'kind', 'labels', 'what it counts'], rows);
  return `${page('Metrics', intro, metrics)}\n## Alerts\n\n${ALERTS_INTRO}\n\n${alertsTable()}`;
}

const ALERTS_INTRO = `\`kubectl apply -k manifests/monitoring\` installs these alerts and a ServiceMonitor for the Prometheus operator, and a
dashboard for Grafana. \`manifests/monitoring/alerts.yaml\` is a rules file for a Prometheus without the operator. Scrape with
\`honor_labels: true\`: some series name the namespace and pod of a validator. What to do when an alert fires:
[runbook](runbook.md).`;

function alertsTable(): string {
  const rows = alertsNow().map(({ alert, labels, annotations, ...rule }) => [
    code(alert),
    labels.severity,
    rule.for ?? '0s',
    cell(annotations.description.trim()),
  ]);
  return table(['alert', 'severity', 'after', 'what it means'], rows);
}

async function licencesPage(): Promise<string> {
  const intro =
    'All packages in the bundle, as the bundler reports them, with the versions in `package-lock.json`. ' +
    '`make sbom` writes the same list as CycloneDX, and the texts of the licences, into `dist/`.';
  const rows = (await bundledPackages()).map(({ name, version, licence }) => [
    code(name),
    version,
    cell(licence),
  ]);
  return page('Licences', intro, table(['package', 'version', 'licence'], rows));
}

function mutantRows(): Rows {
  const folder = fileURLToPath(new URL('../test/mutants/', import.meta.url));
  return readdirSync(folder)
    .filter((name) => name.endsWith('.patch'))
    .map((name) => readMutant(`${folder}${name}`, (path) => readFileSync(path, 'utf8')))
    .map(({ name, bug, check, red }) => [code(name), cell(bug), `${code(check)}: ${cell(red)}`]);
}

const manifest = (name: string): string =>
  readFileSync(new URL(`../manifests/base/${name}`, import.meta.url), 'utf8');

const RIGHTS_HEAD = ['where', 'may', 'what', 'of the name', 'why'];
const rightsRows = (): Rows =>
  rulesIn(manifest('rbac.yaml')).map(({ where, verbs, resources, names, why }) => [
    where === 'all' ? 'everywhere' : code(where),
    verbs.join(', '),
    resources.map(code).join(', '),
    names.map(code).join(', ') || 'any',
    cell(why),
  ]);
const policyRows = (): Rows =>
  policiesIn(manifest('policies.yaml')).map(({ name, what, messages }) => [
    code(name),
    what.map(code).join(', '),
    messages.map((message) => cell(message.replace('stellar-peers may ', ''))).join('; '),
  ]);

const checkRows = (): Rows =>
  CHECKS.map(({ id, when, looks, hint }) => [code(id), when ?? 'both', cell(looks), cell(hint)]);

/** A page that people write, with its sections between two marks generated anew. */
function withSections(name: string, sections: Readonly<Record<string, string>>): string {
  let text = readFileSync(new URL(name, folder), 'utf8');
  for (const [mark, body] of Object.entries(sections)) {
    const [before, rest] = text.split(`<!-- ${mark} -->`);
    const after = rest?.split(`<!-- /${mark} -->`)[1];
    if (after === undefined) throw new Error(`docs/${name} has no section ${mark}`);
    text = `${before}<!-- ${mark} -->\n${MADE}\n\n${body}\n<!-- /${mark} -->${after}`;
  }
  return text;
}

const fenced = (text: string): string => `\`\`\`text\n${text}\`\`\`\n`;

/** A section for each command. The page must have them all, so that each command is explained. */
const usageSections = (): Record<string, string> => ({
  overview: fenced(overviewOf(COMMANDS)),
  ...Object.fromEntries(COMMANDS.map((command) => [`usage ${command.name}`, fenced(usageOf(command))])),
});

const folder = new URL('../docs/', import.meta.url);

/** The settings that the chart sets by itself, from values of other names. */
const SET_BY_CHART = new Set([
  'POD_NAMESPACE',
  'POD_NAME',
  'WATCH_NAMESPACES',
  'WEBHOOK_PORT',
  'HTTP_PORT',
  'CERT_DIR',
]);

/** `lineWidth` of biome.json. */
const LINE_WIDTH = 110;
const LIST = /^(.*)\[\s+([^[\]{}]*?)\s+\](,?)$/gm;

/** JSON as Biome formats it: a list of plain values is on one line if it fits. */
function json(value: unknown): string {
  const spread = JSON.stringify(value, undefined, 2);
  const folded = spread.replace(LIST, (list, before: string, inner: string, after: string) => {
    const line = `${before}[${inner.replace(/\n\s+/g, ' ')}]${after}`;
    return line.length <= LINE_WIDTH ? line : list;
  });
  return `${folded}\n`;
}

/** The schema of the chart's values, with all settings. */
function valuesSchema(): string {
  const schema = JSON.parse(readFileSync(new URL(CHART_SCHEMA, folder), 'utf8')) as {
    properties: { settings: { properties: object } };
  };
  schema.properties.settings.properties = Object.fromEntries(
    Object.values(SETTINGS)
      .filter(({ env }) => !SET_BY_CHART.has(env))
      .map(({ env, doc }) => [env, { $ref: '#/definitions/setting', description: doc }]),
  );
  return json(schema);
}

/** The generated pages by file name. */
const pages: Readonly<Record<string, string>> = {
  'settings.md': settingsPage(),
  'reasons.md': reasonsPage(),
  'metrics.md': metricsPage(),
  'licences.md': await licencesPage(),
  'command.md': withSections('command.md', {
    ...usageSections(),
    checks: table(['id', 'when', 'what it looks at', 'what to do'], checkRows()),
  }),
  [CHART_SCHEMA]: valuesSchema(),
  '../manifests/monitoring/prometheus-rule.yaml': prometheusRule(),
  '../manifests/monitoring/dashboard.json': dashboardJson(),
  // Helm reads no file outside of the chart.
  '../manifests/chart/files/alerts.yaml': rulesFile(),
  '../manifests/chart/files/dashboard.json': `${JSON.stringify(JSON.parse(dashboardJson()))}\n`,
  'rollout.md': withSections('rollout.md', {
    mutants: table(['patch', 'what it breaks', 'what notices it'], mutantRows()),
  }),
  'operations.md': withSections('operations.md', {
    tested: table(
      ['what', 'version tried', 'by'],
      testedVersions().map(({ what, version, by }) => [what, version, by]),
    ),
  }),
  'security.md': withSections('security.md', {
    rights: table(RIGHTS_HEAD, rightsRows()),
    policies: table(['policy', 'requests', 'our ServiceAccount may'], policyRows()),
  }),
};

const check = process.argv.includes('--check');
for (const [name, text] of Object.entries(pages)) {
  const file = new URL(name, folder);
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`docs/${name} is not what the code says: run \`npm run docs\`\n`);
    process.exitCode = 1;
  }
}
