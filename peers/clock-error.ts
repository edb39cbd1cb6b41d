/**
 * How far our wall clock may be beside the API server's unnoticed: what corrects it and what must bear its
 * error go by the same figures. (docs/decisions/0015)
 */

/** An answer's Date has whole seconds. */
export const DATE_STEP_MS = 1_000;

/** Less than this is the travel of an answer, and no reason to doubt our clock. */
export const TOLERATED_MS = 2_000;

/** A clock that is behind by no more seems right to all answers: a Date is up to a step before the time it names. */
export const CLOCK_BEHIND_MS = TOLERATED_MS + DATE_STEP_MS;
