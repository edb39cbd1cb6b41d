/**
 * A network as a picture: validators on a ring, a line from each that knows another. Shapes say what colours say.
 */
import { svg } from './elements.js';

/** @typedef {import('./shapes.d.ts').Row} Row */
/** @typedef {import('./shapes.d.ts').NetworkShown} NetworkShown */
/** @typedef {{ readonly x: number, readonly y: number, readonly side: number, readonly isAbove: boolean }} Place */

/** Names stand beside the ring where there is room, and above or below each validator where there is not. */
const WIDE = { width: 620, height: 380, x: 165, y: 130, isNarrow: false };
const NARROW = { width: 400, height: 360, x: 125, y: 115, isNarrow: true };
/** More names would lie upon each other: they appear for the one that is pointed at, and for those that are not Ready. */
const NAMES_MAX = 12;
const RADIUS = 15;
const LABEL_LENGTH_MAX = 16;

/** @type {Readonly<Record<Row['state'], string>>} */
export const STATE_WORDS = {
  up: 'Ready',
  apart: 'Ready, not connected or not synced',
  down: 'down',
  restarting: 'being restarted',
  away: 'suspended',
};

/** @type {Readonly<Record<Row['kind'], string>>} */
const KIND_WORDS = { state: '', waiting: 'waits: ', meant: 'meant so: ' };

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
 * @param {typeof WIDE} layout
 * @returns {Place}
 */
function placeOf(index, count, { width, height, x, y, isNarrow }) {
  const [middle, centre] = [width / 2, height / 2];
  if (count === 1) return { x: middle, y: centre, side: 0, isAbove: false };
  const turn = (2 * Math.PI * index) / count - (count === 2 ? Math.PI : Math.PI / 2);
  const side = isNarrow || Math.abs(Math.cos(turn)) < 0.3 ? 0 : Math.sign(Math.cos(turn));
  return {
    x: middle + x * Math.cos(turn),
    y: centre + y * Math.sin(turn),
    side,
    isAbove: Math.sin(turn) < -0.01,
  };
}

/**
 * Names of one network begin alike: what tells them apart is at both ends.
 * @param {string} text
 */
const short = (text) =>
  text.length > LABEL_LENGTH_MAX ? `${text.slice(0, LABEL_LENGTH_MAX - 9)}…${text.slice(-8)}` : text;

/**
 * All that the picture shows of a validator, as a sentence.
 * @param {Row} row
 */
export function describe(row) {
  const parts = [`${row.name} in ${row.namespace}: ${STATE_WORDS[row.state]}, ${row.ready} pods Ready`];
  if (row.knows !== '')
    parts.push(`started knowing ${row.knows.replaceAll('-', 'none')} of ${row.published || 0} peers`);
  if (row.connected !== '') parts.push(`connected to ${row.connected.replaceAll('/', ' of ')}`);
  if (row.code !== '') parts.push(`${KIND_WORDS[row.kind]}${row.code}`);
  return `${parts.join('; ')}.`;
}

/**
 * Each pair once: a line where both know each other, an arrow where one does.
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
    const arrow = isMutual ? {} : { 'marker-end': 'url(#arrow)' };
    return [
      svg('line', { ...line, ...arrow, class: isMutual ? 'both' : 'one', 'data-ends': `${from} ${to}` }),
    ];
  });
}

/**
 * @param {Row} row
 * @param {Place} place
 * @param {number} index
 */
function nodeOf(row, { x, y, side, isAbove }, index) {
  const around = 2 * Math.PI * (RADIUS + 4);
  const ring =
    row.connectedPercent < 0
      ? undefined
      : svg('circle', {
          class: 'connected',
          r: RADIUS + 4,
          'stroke-dasharray': `${(around * row.connectedPercent) / 100} ${around}`,
          transform: 'rotate(-90)',
        });
  const label = svg(
    'text',
    {
      x: side * (RADIUS + 11),
      y: side === 0 ? (isAbove ? -RADIUS - 22 : RADIUS + 20) : -2,
      'text-anchor': side === 0 ? 'middle' : side > 0 ? 'start' : 'end',
    },
    svg('tspan', {}, short(row.name)),
    svg(
      'tspan',
      { class: 'detail', x: side * (RADIUS + 11), dy: 14 },
      row.connected === '' ? short(row.namespace) : `${row.connected} connected`,
    ),
  );
  const node = svg(
    'a',
    {
      id: `node-${row.key}`,
      href: `#row-${row.key}`,
      class: `node ${row.state}`,
      transform: `translate(${x} ${y})`,
      tabindex: index === 0 ? 0 : -1,
      'aria-label': describe(row),
      'data-place': index,
    },
    svg('title', {}, describe(row)),
    svg('circle', { class: 'halo', r: RADIUS + 9 }),
    ring,
    svg('circle', { class: 'body', r: RADIUS }),
    svg('path', { class: 'mark', d: MARKS[row.state] }),
    !row.waits
      ? undefined
      : svg(
          'g',
          { class: 'waits', transform: 'translate(13 -13)' },
          svg('circle', { r: 7 }),
          svg('path', { d: 'M0 -4V1M0 3V4' }),
        ),
    label,
  );
  return node;
}

/**
 * Arrow keys go around the ring: one stop of the Tab key for the whole picture.
 * @param {readonly SVGElement[]} nodes
 * @param {KeyboardEvent} event
 */
function moveFocus(nodes, event) {
  const at = nodes.indexOf(/** @type {SVGElement} */ (document.activeElement));
  /** @type {Readonly<Record<string, number>>} */
  const steps = {
    ArrowRight: at + 1,
    ArrowDown: at + 1,
    ArrowLeft: at - 1,
    ArrowUp: at - 1,
    Home: 0,
    End: -1,
  };
  const next = steps[event.key];
  if (next === undefined || at < 0) return;
  event.preventDefault();
  for (const node of nodes) node.setAttribute('tabindex', '-1');
  const node = nodes.at(next % nodes.length);
  node?.setAttribute('tabindex', '0');
  node?.focus();
}

/**
 * A validator that is pointed at or focused shows its own lines alone.
 * @param {SVGElement} picture
 * @param {EventTarget | null} target
 */
function highlight(picture, target) {
  const place = target instanceof Element ? target.closest('.node')?.getAttribute('data-place') : undefined;
  picture.classList.toggle('chosen', place !== undefined && place !== null);
  for (const line of picture.querySelectorAll('line')) {
    line.classList.toggle(
      'of-chosen',
      (line.getAttribute('data-ends') ?? '').split(' ').includes(place ?? ''),
    );
  }
}

/**
 * The picture of a network that is small enough for one.
 * @param {NetworkShown} network
 * @param {boolean} isNarrow
 */
export function pictureOf({ title, rows, links = [] }, isNarrow) {
  const layout = isNarrow ? NARROW : WIDE;
  const places = rows.map((_, index) => placeOf(index, rows.length, layout));
  const nodes = rows.flatMap((row, index) => {
    const place = places[index];
    return place ? [nodeOf(row, place, index)] : [];
  });
  const tip = svg('path', { d: 'M0 0 8 4 0 8z' });
  const marker = {
    id: 'arrow',
    viewBox: '0 0 8 8',
    refX: 7,
    refY: 4,
    markerWidth: 11,
    markerHeight: 11,
    orient: 'auto',
    markerUnits: 'userSpaceOnUse',
  };
  const picture = svg(
    'svg',
    {
      class: rows.length > NAMES_MAX ? 'picture crowded' : 'picture',
      viewBox: `0 0 ${layout.width} ${layout.height}`,
      role: 'group',
      // Listening for focus would make it a stop of the Tab key.
      tabindex: -1,
      'aria-label': `Picture of ${title}: arrow keys go from validator to validator. The table has the same.`,
    },
    svg('defs', {}, svg('marker', marker, tip)),
    ...linesOf(links, places),
    ...nodes,
  );
  picture.addEventListener('keydown', (event) => moveFocus(nodes, event));
  for (const name of ['focusin', 'pointerover'])
    picture.addEventListener(name, ({ target }) => highlight(picture, target));
  for (const name of ['focusout', 'pointerleave'])
    picture.addEventListener(name, () => highlight(picture, null));
  return picture;
}
