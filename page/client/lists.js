/**
 * What waits and why, and the last restarts: lists beside the networks.
 */
import { html, show, svg } from './elements.js';
import { clockTime, lasting, nowMs } from './times.js';

/** @typedef {import('./shapes.d.ts').WaitingRow} WaitingRow */
/** @typedef {import('./shapes.d.ts').RestartRow} RestartRow */

const DAY_MS = 24 * 3_600_000;

/** @param {WaitingRow} row */
const waitingItem = ({ keys, left, code, text, release }) =>
  html(
    'li',
    {},
    html(
      'p',
      {},
      ...keys.flatMap((key) => [
        html('bdi', { class: 'key', id: `waits-${code}-${key}`, tabindex: -1 }, key),
        ' ',
      ]),
      left > 0 ? `and ${left} more ` : '',
      html('span', { class: 'code' }, code),
    ),
    html('p', {}, text),
    html('p', { class: 'release' }, release),
  );

/** @param {number} left */
const remainder = (left) =>
  left > 0 ? [html('p', { class: 'quiet' }, `${left} more are not shown here.`)] : [];

/**
 * @param {HTMLElement} container
 * @param {readonly WaitingRow[]} rows
 * @param {number} total
 */
export function showWaiting(container, rows, total) {
  show(container, [rows, total], () =>
    rows.length === 0
      ? [html('p', { class: 'quiet' }, 'Nothing waits.')]
      : [html('ul', { class: 'list' }, ...rows.map(waitingItem)), ...remainder(total - rows.length)],
  );
}

/** @type {Readonly<Record<string, string>>} */
const DRIFTS = {
  short: 'it knew too few of its peers, or one that left',
  notInjected: 'it had started without its peers',
  isolated: 'none of those it knew was left',
};

/** @type {Readonly<Record<string, string>>} */
const OUTCOMES = {
  done: 'done',
  notInjected: 'came back without its peers',
  unwitnessed: 'came back while no replica led',
  void: 'never happened',
  defused: 'taken back',
  gone: 'its StatefulSet is gone',
};

/** @param {RestartRow} row */
function outcomeOf({ outcome, atMs, endedAtMs }) {
  if (outcome === '') return `under way for ${lasting(nowMs() - atMs)}`;
  return `${OUTCOMES[outcome] ?? outcome} after ${lasting((endedAtMs ?? atMs) - atMs)}`;
}

/** @param {RestartRow} row */
function restartItem(row) {
  const at = html('time', { datetime: new Date(row.atMs).toISOString() }, clockTime(row.atMs));
  const how = row.kind === 'delete' ? 'its pod was deleted' : 'by its template';
  return html(
    'li',
    { class: row.outcome === '' ? 'open' : row.outcome },
    at,
    html('p', {}, html('bdi', { class: 'key' }, row.key), ` ${outcomeOf(row)}`),
    html('p', { class: 'quiet' }, `Because ${DRIFTS[row.drift] ?? row.drift}; ${how}.`),
  );
}

/** @param {readonly RestartRow[]} rows */
function stripOf(rows) {
  const endMs = nowMs();
  const shareOf = (/** @type {number} */ atMs) => Math.min(1, Math.max(0, 1 - (endMs - atMs) / DAY_MS));
  const marks = rows.map((row) => {
    const name = row.outcome === '' ? 'open' : row.outcome;
    return svg('circle', { class: name, cx: `${100 * shareOf(row.atMs)}%`, cy: 12, r: 6 });
  });
  const label = (/** @type {string} */ x, /** @type {string} */ anchor, /** @type {string} */ text) =>
    svg('text', { x, y: 38, 'text-anchor': anchor }, text);
  return svg(
    'svg',
    { class: 'strip', 'aria-hidden': 'true' },
    svg('line', { x1: 0, y1: 12, x2: '100%', y2: 12 }),
    ...marks,
    label('0', 'start', '24 h ago'),
    label('50%', 'middle', '12 h ago'),
    label('100%', 'end', 'now'),
  );
}

/**
 * @param {HTMLElement} container
 * @param {readonly RestartRow[]} rows
 * @param {number} total
 */
export function showRestarts(container, rows, total) {
  // What is under way grows older by itself.
  const ages = rows.map((row) => (row.outcome === '' ? outcomeOf(row) : ''));
  show(container, [rows, total, ages], () =>
    rows.length === 0
      ? [html('p', { class: 'quiet' }, 'No validator was restarted by stellar-peers.')]
      : [
          stripOf(rows),
          html('ol', { class: 'list timeline' }, ...rows.map(restartItem)),
          ...remainder(total - rows.length),
        ],
  );
}
