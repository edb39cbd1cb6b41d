/** The monitoring that we ship: alerts, dashboard and ServiceMonitor use only metrics that exist. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { REASONS } from '../../peers/reasons/reasons.ts';
import { METRICS } from '../../runtime/metrics.ts';
import { alertsNow } from '../../scripts/alerts.ts';
import { dashboardQueries, ROWS } from '../../scripts/dashboard-panels.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'manifests/monitoring');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = (name: string) => parse(readFileSync(join(FOLDER, name), 'utf8'));

/** The names of the metrics in an expression; for a series of a histogram, the name of the histogram. */
const metricsIn = (expr: string): string[] =>
  [...expr.matchAll(/\bstellar_peers_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));

/** Labels that an expression selects or groups by. */
const labelsIn = (expr: string): string[] => [
  ...[...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/([a-z]+)=/g)].map(([, label = '']) => label),
  ),
  ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, inside = '']) => inside.split(/, */)),
];

function assertKnown(expr: string): void {
  const metrics = metricsIn(expr);
  assert.ok(metrics.length > 0, expr);
  for (const name of metrics) assert.ok(name in METRICS, `${name} in ${expr}`);
  const labels = new Set(
    Object.entries(METRICS).flatMap(([name, metric]) => (metrics.includes(name) ? [...metric.labels] : [])),
  );
  for (const label of labelsIn(expr))
    assert.ok(label === 'le' || labels.has(label as never), `${label} in ${expr}`);
}

describe('alerts', () => {
  const alerts = alertsNow();

  it('are exactly those that operators were promised', () => {
    assert.deepEqual(alerts.map(({ alert }) => alert.replace('StellarPeers', '')).sort(), [
      ...[
        'CertificateExpiry',
        'Conflict',
        'DriftTooLong',
        'Journal',
        'ListRefused',
        'NoLeader',
        'NotConnected',
      ],
      ...['PausedTooLong', 'StaleCache', 'Stalled', 'WaitingTooLong', 'WebhookErrors'],
    ]);
  });

  it('each have a severity, an explanation and a link to what to do', () => {
    const headings = [...textOf('docs/runbook.md').matchAll(/^#+ (.*)$/gm)].map(
      ([, heading = '']) => heading,
    );
    for (const { alert, labels, annotations } of alerts) {
      assert.ok(['critical', 'warning'].includes(labels.severity), alert);
      assert.match(annotations.summary, /^\S.*\.$/, alert);
      assert.match(annotations.description.trim(), /\.$/, alert);
      assert.equal(annotations.runbook_url, `docs/runbook.md#${alert.toLowerCase()}`);
      assert.ok(headings.includes(alert), `docs/runbook.md has a heading ${alert}`);
    }
  });

  it('use only metrics, labels and reasons that exist', () => {
    for (const { expr } of alerts) {
      assertKnown(expr);
      for (const [, codes = ''] of expr.matchAll(/reason=~?"([^"]*)"/g)) {
        for (const code of codes.split('|')) assert.ok(code in REASONS, `${code} in ${expr}`);
      }
    }
  });

  it('are the same for the Prometheus operator as in the rules file', () => {
    const rule = manifest('prometheus-rule.yaml');
    assert.equal(rule.kind, 'PrometheusRule');
    assert.deepEqual(rule.spec, manifest('alerts.yaml'));
  });

  it('are each tried by promtool', () => {
    const tests = textOf('test/monitoring/alerts.test.yaml');
    for (const { alert } of alerts) {
      assert.match(tests, new RegExp(`${alert}[^]*(exp_alerts|exp_samples):\n`), alert);
    }
  });
});

describe('the dashboard', () => {
  it('uses only metrics and labels that exist, and shows all metrics', () => {
    const queries = dashboardQueries();
    for (const expr of queries) assertKnown(expr);
    const shown = new Set(queries.flatMap(metricsIn));
    // These metrics have the same content by group or with times.
    const instead = new Set(['stellar_peers_waiting']);
    assert.deepEqual(
      Object.keys(METRICS).filter((name) => !shown.has(name) && !instead.has(name)),
      [],
    );
  });

  it('can be imported: each panel has its queries and a separate place', () => {
    const { panels, templating, annotations } = JSON.parse(textOf('manifests/monitoring/dashboard.json'));
    type Panel = {
      id: number;
      targets?: Array<{ expr: string }>;
      gridPos: Record<'x' | 'y' | 'w' | 'h', number>;
    };
    const all = panels as Panel[];
    const marks = (annotations as { list: Array<{ expr: string }> }).list;
    assert.deepEqual(
      [...all.flatMap(({ targets = [] }) => targets), ...marks].map(({ expr }) => expr),
      dashboardQueries(),
    );
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    const cells = all.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length, 'no two overlap');
    const variables = (templating as { list: Array<{ name: string }> }).list.map(({ name }) => name);
    for (const [, name = ''] of JSON.stringify(all).matchAll(/\$([a-z]+)/g)) {
      assert.ok(variables.includes(name), name);
    }
  });
});

describe('each panel of the dashboard', () => {
  const panels = ROWS.flatMap(([, all]) => all);

  it('has a unique title that says what the panel shows', () => {
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
    for (const { title, type } of panels) {
      assert.match(title, type === 'stat' ? /^[A-Z]/ : /^[A-Z]\S* \S+ \S/, `${title}: three words at least`);
    }
  });

  it('shows networks by their titles if it shows several', () => {
    for (const { title, queries } of panels) {
      for (const [expr, legend] of queries) {
        const isByGroup = /\bby \(group/.test(expr) && !/^sum\(|^min\(/.test(expr);
        assert.equal(/group_left \(title\)/.test(expr), isByGroup, expr);
        assert.equal(legend.includes('{{title}}'), isByGroup, title);
      }
    }
  });

  it('links to a page that explains it', () => {
    for (const [title, , doc] of ROWS) {
      const [page = '', anchor] = doc.split('#');
      const headings = [...textOf(`docs/${page}`).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
        text.toLowerCase().replaceAll(' ', '-'),
      );
      assert.ok(anchor === undefined || headings.includes(anchor), `${title}: ${doc}`);
    }
  });
});

describe('manifests/monitoring', () => {
  it('scrape the port of the Deployment, also of replicas that are not ready, and keep our labels', () => {
    const deployment = parse(textOf('manifests/base/deployment.yaml'));
    const service = manifest('service.yaml');
    const monitor = manifest('service-monitor.yaml');
    assert.deepEqual(service.spec.selector, deployment.spec.selector.matchLabels);
    const [port] = service.spec.ports;
    const ports = deployment.spec.template.spec.containers[0].ports as Array<{
      name: string;
      containerPort: number;
    }>;
    assert.deepEqual(
      ports.filter(({ name }) => name === port.targetPort).map(({ containerPort }) => containerPort),
      [port.port],
    );
    assert.equal(service.spec.publishNotReadyAddresses, true);
    const selected = monitor.spec.selector.matchLabels as Record<string, string>;
    for (const [key, value] of Object.entries(selected)) assert.equal(service.metadata.labels[key], value);
    // The Services of the webhook and of the status page must not be scraped.
    for (const document of parseAllDocuments(textOf('manifests/base/service.yaml'))) {
      const { labels } = document.toJS().metadata;
      assert.ok(Object.entries(selected).some(([key, value]) => labels[key] !== value));
    }
    assert.deepEqual(monitor.spec.endpoints, [{ port: port.name, interval: '30s', honorLabels: true }]);
  });

  it('are all part of the kustomization, except for the file from which another is made', () => {
    const { resources, configMapGenerator } = manifest('kustomization.yaml');
    const files = (configMapGenerator as Array<{ files: string[] }>).flatMap((each) => each.files);
    const named = [...resources, ...files.map((file) => file.slice(file.indexOf('=') + 1))];
    const others = ['kustomization.yaml', 'alerts.yaml'];
    assert.deepEqual(
      named.sort(),
      readdirSync(FOLDER)
        .filter((name) => !others.includes(name))
        .sort(),
    );
  });
});
