/**
 * Sets the wall clock of a process off by SKEW_MS when it is loaded with --import before main.ts, as on a machine whose
 * clock is wrong. Monotonic time is left alone.
 */
import process from 'node:process';

const skewMs = Number(process.env.SKEW_MS);
const realNow = Date.now.bind(Date);
Date.now = () => realNow() + skewMs;
