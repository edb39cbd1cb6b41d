/** Plays one history from its plan to its end, and reports the first broken invariant. */
import { act } from './acting.ts';
import { checkEnding, lacking } from './convergence.ts';
import { checkRestart, decisionMsOf, Violation } from './invariants.ts';
import { checkLifted } from './lifting.ts';
import type { Plan } from './plan.ts';
import { checkReplacement } from './replaced.ts';
import { Shown } from './shown.ts';
import { Stage, type StageOptions } from './stage.ts';
import { Witness } from './witness.ts';

const MINUTE_MS = 60_000;
/** The time after the calm: long enough for every passing wait, one validator after the other. */
const CONVERGES_MS = 35 * MINUTE_MS;
/** The last part of a history, in which no replica may write. */
const QUIET_MS = 5 * MINUTE_MS;
/** Longer than replicas remember which pods ran. */
const REMEMBERED_MS = 11 * MINUTE_MS;

export interface Result {
  readonly seed: number;
  readonly problem: { readonly code: string; readonly message: string } | undefined;
  readonly virtualMs: number;
  readonly events: number;
  /** The restarts until the end, without those after all obstacles are lifted. */
  readonly restarts: { readonly bump: number; readonly delete: number; readonly defused: number };
  /** The number of waiting validators at the end, by reason. */
  readonly held: Readonly<Record<string, number>>;
  /** For how long each reason was shown, in ms, summed over all validators. */
  readonly shownMs: Readonly<Record<string, number>>;
}

/** Plays the whole history. The result has the first invariant that did not hold, if any. */
export async function play(plan: Plan, options: StageOptions = {}): Promise<Result> {
  const stage = new Stage(plan, options);
  const witness = new Witness(stage);
  const decidedMs = decisionMsOf(plan);
  let problem: Violation | undefined;
  const noting = (check: () => void) => {
    try {
      check();
    } catch (error) {
      // Keep the error here. If it were thrown, it would look like an error of the present request.
      problem ??= error instanceof Violation ? error : new Violation('the witness failed', `${error}`);
    }
  };
  witness.onRestart = (restart) => noting(() => checkRestart(restart, { stage, witness, decidedMs }));
  witness.onReplacement = (restart) => noting(() => checkReplacement(restart, { stage, witness }));
  const shown = new Shown(stage, witness);
  shown.watch(noting);
  let held: Result['held'] = {};
  let counted: Result['restarts'] | undefined;
  try {
    await run(stage, witness, () => problem === undefined);
    const endMs = stage.time.monotonicMs();
    if (!problem) held = checkEnding(stage, witness, endMs - QUIET_MS).held;
    counted = countsOf(witness);
    if (Object.keys(held).length > 0) await checkLifted(stage, witness, () => problem === undefined);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    problem = error;
  }
  if (problem) stage.say(`! ${problem.message}`);
  return {
    seed: plan.seed,
    problem: problem && { code: problem.code, message: problem.message },
    virtualMs: stage.time.monotonicMs(),
    events: stage.time.events,
    restarts: counted ?? countsOf(witness),
    held,
    shownMs: shown.shownMs,
  };
}

function countsOf({ restarts }: Witness): Result['restarts'] {
  const count = (isWanted: (each: (typeof restarts)[number]) => boolean) => restarts.filter(isWanted).length;
  return {
    bump: count(({ kind }) => kind === 'bump'),
    delete: count(({ kind }) => kind === 'delete'),
    defused: count(({ end }) => end === 'defused'),
  };
}

async function run(stage: Stage, witness: Witness, goesOn: () => boolean): Promise<void> {
  const { plan, time } = stage;
  let isOver = false;
  const look = () => {
    isOver = hasNothingLeft(stage, witness);
    time.schedule(MINUTE_MS, look);
  };
  time.schedule(plan.calmAtMs + REMEMBERED_MS, look);
  await stage.open();
  for (const action of plan.actions) time.schedule(action.atMs, () => act(stage, action));
  time.schedule(plan.calmAtMs, () => {
    stage.say('— from here on nothing goes wrong —');
    stage.calm();
  });
  await time.runUntil(() => isOver || !goesOn(), plan.calmAtMs + CONVERGES_MS);
}

/** True if no validator lacks anything and nothing was written for a long time, so that the history can end early. */
function hasNothingLeft(stage: Stage, witness: Witness): boolean {
  const isQuiet = stage.time.monotonicMs() - witness.lastWriteAtMs > REMEMBERED_MS;
  return isQuiet && lacking(stage, witness).size === 0 && witness.restarts.every(({ end }) => end);
}
