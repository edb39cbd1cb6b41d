/** Plays one history from its plan to its end, and says what broke, if anything did. */
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
/** After the calm: long enough for every wait that passes by itself, one validator after the other. */
const CONVERGES_MS = 35 * MINUTE_MS;
/** The last stretch, in which nothing may be written. */
const QUIET_MS = 5 * MINUTE_MS;
/** Longer than anything is remembered of who ran. */
const REMEMBERED_MS = 11 * MINUTE_MS;

export interface Result {
  readonly seed: number;
  readonly problem: { readonly code: string; readonly message: string } | undefined;
  readonly virtualMs: number;
  readonly events: number;
  /** Until the end; what follows when everything is lifted does not count. */
  readonly restarts: { readonly bump: number; readonly delete: number; readonly defused: number };
  /** Validators that waited in the end, by reason. */
  readonly held: Readonly<Record<string, number>>;
  /** For how many ms each reason was shown, of all validators together. */
  readonly shownMs: Readonly<Record<string, number>>;
}

/** The whole history; resolves to the first invariant that did not hold, or to none. */
export async function play(plan: Plan, options: StageOptions = {}): Promise<Result> {
  const stage = new Stage(plan, options);
  const witness = new Witness(stage);
  const decidedMs = decisionMsOf(plan);
  let problem: Violation | undefined;
  const noting = (check: () => void) => {
    try {
      check();
    } catch (error) {
      // Thrown on, it would pass for an error of the request that is being carried out.
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

/** True where no validator lacks anything and nothing has been written for long: what would the rest bring? */
function hasNothingLeft(stage: Stage, witness: Witness): boolean {
  const isQuiet = stage.time.monotonicMs() - witness.lastWriteAtMs > REMEMBERED_MS;
  return isQuiet && lacking(stage, witness).size === 0 && witness.restarts.every(({ end }) => end);
}
