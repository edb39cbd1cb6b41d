/** A network as a picture: a ring of validators, a line for each pair. Shapes show the same as colours. */
import { svg } from './elements.js';

/** @typedef {import('./shapes.d.ts').Row} Row */
/** @typedef {import('./shapes.d.ts').NetworkShown} NetworkShown */
/** @typedef {{ readonly x: number, readonly y: number, readonly isAbove: boolean }} Place */

const WIDTH = 440;
const HEIGHT = 340;
const RING = { x: 155, y: 110 };
const RADIUS = 15;
/** The most names in a picture, because more would overlap. With more validators, only those that are not Ready have one. */
const NAMES_MAX = 12;
const LABEL_LENGTH_MAX = 16;

/** @type {Readonly<Record<Row['state'], string>>} */
export const STATE_WORDS = {
  up: 'Ready',
  apart: 'Ready, not connected or not synced',
  down: 'down',
  restarting: 'being restarted',
  away: 'suspended',
};

/** @type {Readonly<Record<Row['state'], string>>} */
const MARKS = {
  up: 'M-6 0 -2 5 7 -5',
  apart: 'M0 -7V2M0 5V7',
  down: 'M-5 -5 5 5M5 -5-5 5',
  restarting: 'M-6 0A6 6 0 1 1 0 6M0 6 4 3M0 6 3 9',
  away: 'M-5 0H5',
};

/**
 * @param {number} index
 * @param {number} count
 * @returns {Place}
 */
function placeOf(index, count) {
  const [middle, centre] = [WIDTH / 2, HEIGHT / 2];
  if (count === 1) return { x: middle, y: centre, isAbove: false };
  const turn = (2 * Math.PI * index) / count - Math.PI / 2;
  return {
    x: middle + RING.x * Math.cos(turn),
    y: centre + RING.y * Math.sin(turn),
    isAbove: Math.sin(turn) < -0.01,
  };
}

/**
 * Shortens a name in the middle, because names of one network differ at their ends.
 * @param {string} text
 */
const short = (text) =>
  text.length > LABEL_LENGTH_MAX ? `${text.slice(0, LABEL_LENGTH_MAX - 9)}…${text.slice(-8)}` : text;

/**
 * Describes a validator in the picture, as a sentence.
 * @param {Row} row
 */
export function describe(row) {
  const parts = [`${row.name} in ${row.namespace}: ${STATE_WORDS[row.state]}, ${row.ready} pods Ready`];
  if (row.knows !== '')
    parts.push(`started knowing ${row.knows.replaceAll('-', 'none')} of ${row.published || 0} peers`);
  if (row.connected !== '') parts.push(`connected to ${row.connected.replaceAll('/', ' of ')}`);
  if (row.code !== '') parts.push(row.code);
  return `${parts.join('; ')}.`;
}

/**
 * Draws each pair once: a line if both know each other, an arrow if only one knows the other.
 * @param {ReadonlyArray<readonly [number, number]>} links
 * @param {readonly Place[]} places
 */
function linesOf(links, places) {
  const there = new Set(links.map(([from, to]) => `${from} ${to}`));
  return links.flatMap(([from, to]) => {
    const isMutual = there.has(`${to} ${from}`);
    const [a, b] = [places[from], places[to]];
    if (!a || !b || (isMutual && from > to)) return [];
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const [dx, dy] = [((b.x - a.x) / length) * (RADIUS + 8), ((b.y - a.y) / length) * (RADIUS + 8)];
    const line = { x1: a.x + dx, y1: a.y + dy, x2: b.x - dx, y2: b.y - dy };
    const kind = isMutual ? { class: 'both' } : { class: 'one', 'marker-end': 'url(#arrow)' };
    return [svg('line', { ...line, ...kind })];
  });
}

/**
 * @param {Row} row
 * @param {Place} place
 * @param {boolean} isNamed
 */
function nodeOf(row, { x, y, isAbove }, isNamed) {
  const detail = row.connected === '' ? short(row.namespace) : `${row.connected} connected`;
  return svg(
    'a',
    {
      id: `node-${row.key}`,
      href: `#row-${row.key}`,
      class: `node ${row.state}`,
      transform: `translate(${x} ${y})`,
      'aria-label': describe(row),
    },
    svg('title', {}, describe(row)),
    svg('circle', { class: 'body', r: RADIUS }),
    svg('path', { class: 'mark', d: MARKS[row.state] }),
    isNamed
      ? svg(
          'text',
          { y: isAbove ? -RADIUS - 22 : RADIUS + 20 },
          svg('tspan', {}, short(row.name)),
          svg('tspan', { class: 'detail', x: 0, dy: 14 }, detail),
        )
      : undefined,
  );
}

/** @returns {SVGElement} The head of an arrow. */
function arrowHead() {
  const box = { viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 11, markerHeight: 11 };
  const head = svg('path', { d: 'M0 0 8 4 0 8z' });
  return svg('marker', { id: 'arrow', ...box, orient: 'auto', markerUnits: 'userSpaceOnUse' }, head);
}

/**
 * The picture of a network that is small enough for one.
 * @param {NetworkShown} network
 */
export function pictureOf({ title, rows, links = [] }) {
  const places = rows.map((_, index) => placeOf(index, rows.length));
  const nodes = rows.map((row, index) => {
    const isNamed = rows.length <= NAMES_MAX || row.state !== 'up';
    return nodeOf(row, placeOf(index, rows.length), isNamed);
  });
  return svg(
    'svg',
    {
      class: 'picture',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'group',
      'aria-label': `Picture of ${title}. The table has the same.`,
    },
    svg('defs', {}, arrowHead()),
    ...linesOf(links, places),
    ...nodes,
  );
}
