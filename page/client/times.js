/**
 * Times in words. The cluster's clock is the one that counts: the browser's own only says how long ago it was heard.
 */
let clusterMs = Date.now();
let heardAtMs = performance.now();

/**
 * Takes in what the cluster's clock shows.
 * @param {number} nowMs
 */
export function hearTime(nowMs) {
  clusterMs = nowMs;
  heardAtMs = performance.now();
}

/** The cluster's time now. */
export const nowMs = () => clusterMs + performance.now() - heardAtMs;

/**
 * @param {number} ms
 * @returns {string}
 */
export function lasting(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** @param {number} atMs */
export const clockTime = (atMs) => new Date(atMs).toLocaleTimeString(undefined, { hour12: false });
