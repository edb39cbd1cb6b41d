/**
 * The Grafana dashboard as JSON; generate-docs.ts writes it. Pure.
 */
import { type Panel, ROWS } from './dashboard-panels.ts';

const COLUMNS = 24;
const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' };

function panelOf({ title, description, type, unit, queries, wrongFrom }: Panel) {
  const steps = [
    { color: 'green', value: null },
    ...(wrongFrom === undefined ? [] : [{ color: 'red', value: wrongFrom }]),
  ];
  return {
    ...{ title, description, type, datasource: DATA_SOURCE },
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

/** Panels with their places: stats six in a row, graphs two. */
function placed(): object[] {
  const placedPanels: object[] = [];
  let y = 0;
  const add = (panel: object, gridPos: object) =>
    placedPanels.push({ id: placedPanels.length + 1, ...panel, gridPos });
  for (const [title, panels] of ROWS) {
    add({ type: 'row', title, collapsed: false, panels: [] }, { x: 0, y, w: COLUMNS, h: 1 });
    y += 1;
    const isStats = panels.every(({ type }) => type === 'stat');
    const [w, h] = isStats ? [4, 4] : [12, 8];
    for (const [index, panel] of panels.entries()) {
      const row = Math.floor((index * w) / COLUMNS);
      add(panelOf(panel), { x: (index * w) % COLUMNS, y: y + row * h, w, h });
    }
    y += h * Math.ceil((panels.length * w) / COLUMNS);
  }
  return placedPanels;
}

const VARIABLES = [
  { ...{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' } },
  {
    ...{ name: 'group', label: 'Network', type: 'query', datasource: DATA_SOURCE },
    ...{ query: 'label_values(stellar_peers_listed_peers, group)', refresh: 2, sort: 1 },
    ...{ multi: true, includeAll: true, allValue: '.*' },
  },
];

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
      panels: placed(),
    },
    undefined,
    2,
  )}\n`;
