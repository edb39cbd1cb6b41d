/**
 * The Grafana dashboard as JSON; generate-docs.ts writes it. Pure.
 */
import { type Panel, RESTART_MARKS, ROWS } from './dashboard-panels.ts';

const COLUMNS = 24;
// Grafana replaces this by the value of the variable.
const DOCS = `\${docs}`;
const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' };

/** A link to a page of the documents, whose address is in a variable of the dashboard. */
const linkTo = (title: string, doc: string) => ({ title, url: `${DOCS}/${doc}`, targetBlank: true });

function panelOf({ title, description, type, unit, queries, wrongFrom }: Panel, doc: string) {
  const steps = [
    { color: 'green', value: null },
    ...(wrongFrom === undefined ? [] : [{ color: 'red', value: wrongFrom }]),
  ];
  return {
    ...{ title, description, type, datasource: DATA_SOURCE, links: [linkTo('What it means', doc)] },
    fieldConfig: { defaults: { unit, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    targets: queries.map(([expr, legendFormat], index) => ({
      ...{
        refId: String.fromCharCode('A'.charCodeAt(0) + index),
        datasource: DATA_SOURCE,
        expr,
        legendFormat,
      },
    })),
  };
}

/** The panels with their positions: six single values in a row, or two graphs. */
function placed(): object[] {
  const placedPanels: object[] = [];
  let y = 0;
  const add = (panel: object, gridPos: object) =>
    placedPanels.push({ id: placedPanels.length + 1, ...panel, gridPos });
  for (const [title, panels, doc] of ROWS) {
    add({ type: 'row', title, collapsed: false, panels: [] }, { x: 0, y, w: COLUMNS, h: 1 });
    y += 1;
    const isStats = panels.every(({ type }) => type === 'stat');
    const [w, h] = isStats ? [4, 4] : [12, 8];
    for (const [index, panel] of panels.entries()) {
      const row = Math.floor((index * w) / COLUMNS);
      add(panelOf(panel, doc), { x: (index * w) % COLUMNS, y: y + row * h, w, h });
    }
    y += h * Math.ceil((panels.length * w) / COLUMNS);
  }
  return placedPanels;
}

const VARIABLES = [
  { ...{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' } },
  {
    ...{ name: 'group', label: 'Network', type: 'query', datasource: DATA_SOURCE },
    // People choose the title; queries use the group.
    ...{ query: 'query_result(stellar_peers_network_info)', refresh: 2, sort: 1 },
    regex: '/group="(?<value>[^"]*)".*title="(?<text>[^"]*)"/',
    ...{ multi: true, includeAll: true, allValue: '.*' },
  },
  {
    ...{ name: 'docs', label: 'Documents at', type: 'textbox' },
    query: 'https://git.example.com/stellar-peers/blob/main/docs',
  },
];

const [RESTART_QUERY, RESTART_TITLE] = RESTART_MARKS;
const ANNOTATIONS = [
  {
    ...{ name: 'Restarts', datasource: DATA_SOURCE, enable: true, iconColor: 'orange', step: '30s' },
    ...{ expr: RESTART_QUERY, titleFormat: RESTART_TITLE },
  },
];
const LINKS = [
  linkTo('Runbook', 'runbook.md'),
  linkTo('Reasons', 'reasons.md'),
  linkTo('Metrics', 'metrics.md'),
].map((link) => ({ ...link, type: 'link', icon: 'doc' }));

/** The dashboard as Grafana imports it. */
export const dashboardJson = (): string =>
  `${JSON.stringify(
    {
      ...{
        uid: 'stellar-peers',
        title: 'stellar-peers',
        tags: ['stellar'],
        schemaVersion: 38,
        editable: true,
      },
      ...{ time: { from: 'now-6h', to: 'now' }, refresh: '30s', templating: { list: VARIABLES } },
      ...{ annotations: { list: ANNOTATIONS }, links: LINKS },
      panels: placed(),
    },
    undefined,
    2,
  )}\n`;
