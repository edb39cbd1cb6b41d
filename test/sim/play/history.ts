/** Plays one history from its plan to its end, and says what broke, if anything did. */
import { act } from './acting.ts';
import { checkEnding } from './convergence.ts';
import { checkReplacement, checkRestart, decisionMsOf, Violation } from './invariants.ts';
import type { Plan } from './plan.ts';
import { Stage, type StageOptions } from './stage.ts';
import { Witness } from './witness.ts';

const MINUTE_MS = 60_000;
/** After the calm: long enough for every wait that passes by itself, one validator after the other. */
const CONVERGES_MS = 35 * MINUTE_MS;
/** The last stretch, in which nothing may be written. */
const QUIET_MS = 5 * MINUTE_MS;

export interface Result {
  readonly seed: number;
  readonly problem: { readonly code: string; readonly message: string } | undefined;
  readonly virtualMs: number;
  readonly events: number;
  readonly restarts: { readonly bump: number; readonly delete: number; readonly defused: number };
  /** Validators that waited in the end, by reason. */
  readonly held: Readonly<Record<string, number>>;
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
  witness.onReplacement = (restart) => noting(() => checkReplacement(restart, stage));
  let held: Result['held'] = {};
  try {
    await run(stage, () => problem === undefined);
    const endMs = plan.calmAtMs + CONVERGES_MS;
    if (!problem) held = checkEnding(stage, witness, endMs - QUIET_MS).held;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    problem = error;
  }
  if (problem) stage.say(`! ${problem.message}`);
  const count = (isWanted: (each: (typeof witness.restarts)[number]) => boolean) =>
    witness.restarts.filter(isWanted).length;
  return {
    seed: plan.seed,
    problem: problem && { code: problem.code, message: problem.message },
    virtualMs: stage.time.monotonicMs(),
    events: stage.time.events,
    restarts: {
      bump: count(({ kind }) => kind === 'bump'),
      delete: count(({ kind }) => kind === 'delete'),
      defused: count(({ end }) => end === 'defused'),
    },
    held,
  };
}

async function run(stage: Stage, goesOn: () => boolean): Promise<void> {
  const { plan, time } = stage;
  await stage.open();
  for (const action of plan.actions) time.schedule(action.atMs, () => act(stage, action));
  time.schedule(plan.calmAtMs, () => {
    stage.say('— from here on nothing goes wrong —');
    stage.calm();
  });
  await time.runUntil(() => !goesOn(), plan.calmAtMs + CONVERGES_MS);
}
