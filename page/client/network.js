/**
 * One network: what of it is up, its picture, and the same as a table.
 */
import { html, show } from './elements.js';
import { describe, pictureOf, STATE_WORDS } from './picture.js';

/** @typedef {import('./shapes.d.ts').Row} Row */
/** @typedef {import('./shapes.d.ts').NetworkShown} NetworkShown */

/** As in page.css. */
const narrow = matchMedia('(max-width: 32rem)');

/**
 * Calls `listener` whenever pictures are to be drawn for another width.
 * @param {() => void} listener
 */
export const onWidth = (listener) => narrow.addEventListener('change', listener);

const HEADINGS = ['Validator', 'State', 'Ready', 'Knows', 'Connected', 'Synced'];

/** @param {NetworkShown} network */
function summaryOf({ validators, ready, down, suspended, waiting, unadopted, quorumMargin, external }) {
  const parts = [`${ready} of ${validators} Ready`];
  if (down > 0) parts.push(`${down} down`);
  if (suspended > 0) parts.push(`${suspended} suspended`);
  if (waiting > 0) parts.push(`${waiting} waiting`);
  if (unadopted > 0) parts.push(`${unadopted} unadopted`);
  parts.push(`quorum margin ${quorumMargin ?? 'unknown'}`);
  if (external > 0) parts.push(`${external} peers outside the cluster`);
  return parts.join(' · ');
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
  const more =
    left > 0
      ? html('p', { class: 'quiet' }, `${left} more are not shown here; stellar-peers status shows all.`)
      : undefined;
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
    more,
  );
}

const LEGEND =
  'A line: both know each other. A dashed arrow: one started knowing the other. The ring: connected, where the HTTP port is open.';

/** @param {NetworkShown} network */
function contentOf(network) {
  const { title, key, links, rows } = network;
  const isBad = network.down > 0;
  const head = html(
    'div',
    { class: 'head' },
    html('h3', {}, html('bdi', {}, title)),
    html('p', { class: isBad ? 'summary bad' : 'summary' }, summaryOf(network)),
    title === key ? undefined : html('p', { class: 'quiet id' }, key),
  );
  const picture =
    links && rows.length > 0
      ? html('figure', {}, pictureOf(network, narrow.matches), html('figcaption', { class: 'quiet' }, LEGEND))
      : undefined;
  return [head, html('div', { class: picture ? 'two' : 'one' }, picture, tableOf(network))];
}

/** @type {Map<string, HTMLElement>} */
const cards = new Map();

/**
 * Shows all networks; a card is made anew only where something in it changed.
 * @param {HTMLElement} container
 * @param {readonly NetworkShown[]} networks
 * @param {number} total
 */
export function showNetworks(container, networks, total) {
  const shown = networks.map((network) => {
    const card = cards.get(network.key) ?? html('article', {});
    cards.set(network.key, card);
    card.setAttribute('aria-label', network.title);
    show(card, [network, narrow.matches], () => contentOf(network));
    return card;
  });
  const keys = new Set(networks.map(({ key }) => key));
  for (const key of cards.keys()) if (!keys.has(key)) cards.delete(key);
  const isSame =
    shown.length === container.children.length &&
    shown.every((card, index) => card === container.children[index]);
  if (shown.length === 0)
    return container.replaceChildren(html('p', { class: 'quiet' }, 'There are no validators.'));
  if (total === shown.length && isSame) return undefined;
  const left = total - shown.length;
  const more = left > 0 ? [html('p', { class: 'quiet' }, `${left} more networks are not shown here.`)] : [];
  return container.replaceChildren(...shown, ...more);
}

/**
 * What changed since, in one sentence for those who listen; empty where nothing did that they would want to hear.
 * @param {readonly NetworkShown[]} before
 * @param {readonly NetworkShown[]} after
 */
export function changesBetween(before, after) {
  const rowsOf = (/** @type {readonly NetworkShown[]} */ networks) =>
    new Map(networks.flatMap(({ rows }) => rows.map((row) => [row.key, row])));
  const known = rowsOf(before);
  const changed = [...rowsOf(after).values()].filter((row) => known.get(row.key)?.state !== row.state);
  const [first] = changed;
  if (!first || before.length === 0) return '';
  return changed.length === 1 ? describe(first) : `${changed.length} validators changed; ${describe(first)}`;
}
