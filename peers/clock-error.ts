/** How far our clock may differ from the API server's without being noticed (docs/decisions/0015). */

/** An answer's Date has whole seconds. */
export const DATE_STEP_MS = 1_000;

/** A smaller difference may be the travel time of an answer, and does not prove that our clock is wrong. */
export const TOLERATED_MS = 2_000;

/** A clock that is behind by no more than this passes every check: a Date may be a step before the real time too. */
export const CLOCK_BEHIND_MS = TOLERATED_MS + DATE_STEP_MS;
