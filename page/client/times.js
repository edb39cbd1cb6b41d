/** Times in words. */

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
