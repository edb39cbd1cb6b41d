/** The report of parts that have run: a table of times, the failures, and what was left out. */
import type { Part } from './parts.ts';
import type { Outcome } from './run.ts';

type Timed = Pick<Outcome, 'wallMs' | 'processorMs'>;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const row = (name: string, processor: string, wall: string): string =>
  `${name.padEnd(24)}${processor.padStart(12)}${wall.padStart(12)}`;

/** The times of each part and their sum, in the order of the suite. `wallMs` is the time of the whole run. */
export function timesTable(outcomes: readonly Outcome[], wallMs: number): string {
  const ran = outcomes.filter(({ verdict }) => verdict !== 'not run');
  const processorMs = ran.reduce((sum, each) => sum + each.processorMs, 0);
  const timed = (name: string, times: Timed) => row(name, seconds(times.processorMs), seconds(times.wallMs));
  return [
    row('part', 'processor', 'wall'),
    ...ran.map((each) => timed(each.part.script, each)),
    timed('all', { processorMs, wallMs }),
  ].join('\n');
}

/** For each failed part: how to run it alone, and its failed tests with file, line and the beginning of their output. */
export const failures = (outcomes: readonly Outcome[], outputOf: (logPath: string) => string): string[] =>
  outcomes
    .filter(({ verdict }) => verdict === 'failed')
    .flatMap(({ part, logPath }) => [
      `${part.script} failed; alone: npm run ${part.script}`,
      ...(logPath === undefined ? [] : failedTests(outputOf(logPath)).map((each) => `  ${each}`)),
    ]);

/** The lines of a failed test's output that are shown. The whole is in the output of the part. */
const SAID_LINES = 20;

/** The lines that are shown of the cause, which a random test prints at the end, below a value of any length. */
const CAUSE_LINES = 6;

/**
 * The failed tests that Node's `spec` reporter lists at the end of its output, such as `test/a.test.ts:5:1: name`, and
 * under each the beginning of its output.
 */
function failedTests(output: string): string[] {
  const listed = output.split(/^test at /m).slice(1);
  return listed.flatMap((text) => {
    const [, place, name, said = ''] = /^(\S+)\n✖ ([^\n]+) \([\d.]+ms\)\n(.*)$/s.exec(text) ?? [];
    return place === undefined ? [] : [`${place}: ${name}`, ...beginningOf(said)];
  });
}

function beginningOf(said: string): string[] {
  const lines = said.split('\n').flatMap((line) => (line.trim() === '' ? [] : [`  ${line.trimEnd()}`]));
  const cause = lines.findIndex((line) => line.includes('[cause]: '));
  const below = cause < SAID_LINES ? [] : lines.slice(cause, cause + CAUSE_LINES);
  return [...lines.slice(0, SAID_LINES), ...below];
}

/** What these parts prove, as the end of a sentence. */
export const sumOf = (parts: readonly Part[]): string => parts.map(({ what }) => what).join('; ');

/** What was left out, each with the reason. */
export const leftOut = (outcomes: readonly Outcome[]): string[] =>
  outcomes.filter(({ verdict }) => verdict === 'not run').map(({ part, why }) => `${part.what} (${why})`);
