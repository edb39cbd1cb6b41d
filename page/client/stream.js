/**
 * Follows the stream of events while the page is visible. Opens the stream again if it breaks or is silent for too long.
 */

/** @typedef {import('./shapes.d.ts').Serving} Serving */
/** @typedef {import('./shapes.d.ts').Snapshot} Snapshot */

/** Longer than the time between two messages: 10 s, or 20 s for a very large cluster. */
const SILENT_MS = 45_000;
const RETRY_MS = 3_000;

/**
 * @typedef {object} Listener
 * @property {(serving: Serving, snapshot: Snapshot | undefined) => void} heard
 * @property {() => void} lost
 */

/**
 * Follows the stream for as long as the page exists.
 * @param {Listener} listener
 */
export function follow(listener) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {() => void} next @param {number} ms */
  const after = (next, ms) => {
    clearTimeout(timer);
    timer = setTimeout(next, ms);
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
  };
  const fail = () => {
    close();
    listener.lost();
    after(open, RETRY_MS);
  };
  /** @param {MessageEvent<string>} event */
  const take = ({ data }) => {
    after(fail, SILENT_MS);
    const [serving = '', snapshot] = data.split('\n');
    listener.heard(JSON.parse(serving), snapshot === undefined ? undefined : JSON.parse(snapshot));
  };
  const open = () => {
    close();
    if (document.hidden) return;
    source = new EventSource('events');
    for (const name of ['snapshot', 'alive']) source.addEventListener(name, take);
    source.addEventListener('error', fail);
    after(fail, SILENT_MS);
  };
  document.addEventListener('visibilitychange', open);
  open();
}
