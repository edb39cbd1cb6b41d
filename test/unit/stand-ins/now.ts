/**
 * The real time at which the tests of a file began. Only certificates that Node's TLS compares with the real time need it;
 * whatever else has a time of its own.
 */
export const NOW_MS = Date.now();

/** From an hour ago until in an hour: longer than any file of tests runs. */
export const VALID_NOW = { notBeforeMs: NOW_MS - 3_600_000, notAfterMs: NOW_MS + 3_600_000 };
