/**
 * `make sim`: plays random histories against the reconciler. SEEDS=n plays n of them (default 1,000), FROM=n begins at
 * another seed. SEED=n plays one history and prints all its events.
 */
import process from 'node:process';
import { play } from './play/history.ts';
import { playMany } from './play/many.ts';
import { planOf } from './play/plan.ts';
import { describePlan, shrink } from './play/shrink.ts';
import { describeTally } from './play/tally.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function numberOf(name: string, fallback: number): number {
  const text = process.env[name] || String(fallback);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  process.stderr.write(`${name}=${text} is no whole number\n`);
  process.exit(2);
}

async function replay(seed: number): Promise<void> {
  const plan = planOf(seed);
  say(describePlan(plan));
  const { problem, events, restarts } = await play(plan, { log: say });
  say(
    `${events} events, restarts ${JSON.stringify(restarts)}: ${problem?.message ?? 'every invariant held'}`,
  );
  if (!problem) return;
  process.exitCode = 1;
  say('\nThe smallest part of this history that breaks the same invariant:');
  say(describePlan(await shrink(plan, problem.code)));
}

async function many(from: number, count: number): Promise<void> {
  say(`${count} histories from seed ${from} on`);
  const onProgress = (seeds: number) => {
    if (seeds % 200 < 50) say(`… ${seeds} of ${count} played`);
  };
  const tally = await playMany({ from, count, onProgress });
  say(describeTally(tally));
  for (const { seed, message } of tally.problems.slice(0, 10)) say(`✗ seed ${seed}: ${message}`);
  const [first] = tally.problems;
  if (!first) return;
  process.exitCode = 1;
  say(`\nThe smallest part of seed ${first.seed} that breaks the same invariant:`);
  say(describePlan(await shrink(planOf(first.seed), first.code)));
  say(`\nTo replay it: make sim SEED=${first.seed}`);
}

const seed = numberOf('SEED', 0);
if (seed > 0) await replay(seed);
else await many(numberOf('FROM', 1), numberOf('SEEDS', 1_000));
