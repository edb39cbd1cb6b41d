/** One network: its counts, its picture and its table. */
import { html, quiet, show } from './elements.js';
import { describe, pictureOf, STATE_WORDS } from './picture.js';

/** @typedef {import('./shapes.d.ts').Row} Row */
/** @typedef {import('./shapes.d.ts').NetworkShown} NetworkShown */

const HEADINGS = ['Validator', 'State', 'Ready', 'Knows', 'Connected', 'Synced'];

/** @param {NetworkShown} network */
function summaryOf({ validators, ready, down, suspended, waiting, unadopted, quorumMargin, external }) {
  const counts = { down, suspended, waiting, unadopted, 'peers outside the cluster': external };
  return [
    `${ready} of ${validators} Ready`,
    `quorum margin ${quorumMargin ?? 'unknown'}`,
    ...Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : [])),
  ].join(' · ');
}

/** @param {Row} row */
function rowElement(row) {
  const cell = (/** @type {string} */ text) => html('td', {}, text === '' ? '–' : text);
  const state = html('span', { class: `state ${row.state}` }, STATE_WORDS[row.state]);
  const why =
    row.code === ''
      ? undefined
      : html('a', { class: 'code', href: `#waits-${row.code}-${row.key}` }, row.code);
  return html(
    'tr',
    { id: `row-${row.key}`, tabindex: -1 },
    html('th', { scope: 'row' }, html('bdi', {}, row.name), html('small', {}, row.namespace)),
    html('td', {}, state, why),
    cell(row.ready),
    cell(row.published === '' ? row.knows : `${row.knows || '–'} of ${row.published}`),
    cell(row.connected),
    cell(row.synced),
  );
}

/** @param {NetworkShown} network */
function tableOf({ title, rows, validators }) {
  const left = validators - rows.length;
  const table = html(
    'table',
    {},
    html('caption', { class: 'unseen' }, `Validators of ${title}`),
    html('thead', {}, html('tr', {}, ...HEADINGS.map((text) => html('th', { scope: 'col' }, text)))),
    html('tbody', {}, ...rows.map(rowElement)),
  );
  return html(
    'div',
    {},
    html('div', { class: 'scrolls', role: 'region', tabindex: 0, 'aria-label': `Table of ${title}` }, table),
    left > 0 ? quiet(`${left} more are not shown here; stellar-peers status shows all.`) : undefined,
  );
}

const LEGEND = 'A line: both know each other. A dashed arrow: one started knowing the other.';

/** @param {NetworkShown} network */
function cardOf(network) {
  const { title, key, links, rows, down } = network;
  const head = html(
    'div',
    { class: 'head' },
    html('h3', {}, html('bdi', {}, title)),
    html('p', { class: down > 0 ? 'bad' : undefined }, summaryOf(network)),
    title === key ? undefined : quiet(key),
  );
  const picture =
    links && rows.length > 0
      ? html('figure', {}, pictureOf(network), html('figcaption', { class: 'quiet' }, LEGEND))
      : undefined;
  const body = html('div', { class: picture ? 'two' : undefined }, picture, tableOf(network));
  return html('article', { 'aria-label': title }, head, body);
}

/**
 * @param {HTMLElement} container
 * @param {readonly NetworkShown[]} networks
 * @param {number} total
 */
export function showNetworks(container, networks, total) {
  const left = total - networks.length;
  show(container, [networks, total], () =>
    networks.length === 0
      ? [quiet('There are no validators.')]
      : [...networks.map(cardOf), ...(left > 0 ? [quiet(`${left} more networks are not shown here.`)] : [])],
  );
}

/**
 * The changes between two states in one sentence, for a screen reader; empty if no validator changed its state.
 * @param {readonly NetworkShown[]} before
 * @param {readonly NetworkShown[]} after
 */
export function changesBetween(before, after) {
  const known = new Map(before.flatMap(({ rows }) => rows.map(({ key, state }) => [key, state])));
  const changed = after.flatMap(({ rows }) => rows).filter(({ key, state }) => known.get(key) !== state);
  const [first] = changed;
  if (!first || before.length === 0) return '';
  return changed.length === 1 ? describe(first) : `${changed.length} validators changed; ${describe(first)}`;
}
