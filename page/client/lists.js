/** The lists beside the networks: waiting validators with reasons, and the last restarts. */
import { html, quiet, show } from './elements.js';
import { clockTime, lasting } from './times.js';

/** @typedef {import('./shapes.d.ts').WaitingRow} WaitingRow */
/** @typedef {import('./shapes.d.ts').RestartRow} RestartRow */

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
    html('p', { class: 'quiet' }, release),
  );

/** @param {number} left */
const remainder = (left) => (left > 0 ? [quiet(`${left} more are not shown here.`)] : []);

/**
 * @param {HTMLElement} container
 * @param {readonly WaitingRow[]} rows
 * @param {number} total
 */
export function showWaiting(container, rows, total) {
  show(container, [rows, total], () =>
    rows.length === 0
      ? [quiet('Nothing waits.')]
      : [html('ul', { class: 'list' }, ...rows.map(waitingItem)), ...remainder(total - rows.length)],
  );
}

/**
 * @param {RestartRow} row
 * @param {number} nowMs
 */
const endOf = ({ outcome, end, atMs, endedAtMs }, nowMs) =>
  outcome === ''
    ? `Under way for ${lasting(nowMs - atMs)}.`
    : `${end} (after ${lasting((endedAtMs ?? atMs) - atMs)})`;

/**
 * @param {HTMLElement} container
 * @param {readonly RestartRow[]} rows
 * @param {number} total
 * @param {number} nowMs
 */
export function showRestarts(container, rows, total, nowMs) {
  const items = rows.map(({ outcome, atMs, begin, ...row }) => ({
    state: outcome || 'open',
    ...{ atMs, begin, end: endOf({ outcome, atMs, begin, ...row }, nowMs) },
  }));
  show(container, [items, total], () =>
    items.length === 0
      ? [quiet('No validator was restarted by stellar-peers.')]
      : [
          html(
            'ol',
            { class: 'list timeline' },
            ...items.map(({ state, atMs, begin, end }) =>
              html(
                'li',
                { class: state },
                html('time', { datetime: new Date(atMs).toISOString() }, clockTime(atMs)),
                html('p', {}, html('bdi', {}, begin)),
                quiet(end),
              ),
            ),
          ),
          ...remainder(total - rows.length),
        ],
  );
}
