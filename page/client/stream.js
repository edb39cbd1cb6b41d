/**
 * The stream of events: followed while the page is seen, opened anew whenever it breaks or falls silent.
 */

/** The replica says something at least every 10 s, or 20 s where the cluster is very large. */
const SILENT_MS = 45_000;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 15_000;

/**
 * @typedef {object} Serving
 * @property {string} name
 * @property {boolean} leads
 * @property {string} leader
 * @property {number} staleMs
 * @property {number} nowMs
 *
 * @typedef {object} Listener
 * @property {(serving: Serving, snapshot: import('./shapes.d.ts').Snapshot | undefined) => void} heard
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
  let retryMs = RETRY_MS_MIN;

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const fail = () => {
    close();
    listener.lost();
    timer = setTimeout(open, retryMs);
    retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
  };
  const awaitNext = () => {
    clearTimeout(timer);
    timer = setTimeout(fail, SILENT_MS);
  };
  /** @param {MessageEvent<string>} event */
  const take = ({ data }) => {
    retryMs = RETRY_MS_MIN;
    awaitNext();
    const [serving = '', snapshot] = data.split('\n');
    listener.heard(JSON.parse(serving), snapshot === undefined ? undefined : JSON.parse(snapshot));
  };
  const open = () => {
    close();
    if (document.hidden) return;
    source = new EventSource('events');
    source.addEventListener('snapshot', take);
    source.addEventListener('alive', take);
    source.addEventListener('error', fail);
    awaitNext();
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) close();
    else open();
  });
  open();
}
