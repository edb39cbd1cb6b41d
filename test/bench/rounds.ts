/**
 * Rounds in which our server and two of bare node are measured one after the other, in alternating order. Only their ratios
 * within a round count, because a busy machine slows down all of them.
 */
import type { Drive, Generator } from './generator.ts';

/** `encoding`: bare node that encodes its answer anew for each request. */
type Name = 'ours' | 'bare' | 'encoding';
export type Round = Readonly<Record<Name, Drive>>;

export async function driveRounds(
  generator: Generator,
  urls: Readonly<Record<Name, string>>,
  { rounds, seconds, warmUpSeconds }: Readonly<Record<'rounds' | 'seconds' | 'warmUpSeconds', number>>,
): Promise<readonly Round[]> {
  for (const url of Object.values(urls)) await generator.drive(url, warmUpSeconds);
  const done: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const names: readonly Name[] = ['ours', 'bare', 'encoding'];
    const drives = new Map<Name, Drive>();
    for (const name of round % 2 === 0 ? names : names.toReversed())
      drives.set(name, await generator.drive(urls[name], seconds));
    done.push(Object.fromEntries(drives) as Round);
  }
  return done;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** The median over all rounds of a figure of ours in times of the other server's. */
export const ratioOf = (rounds: readonly Round[], figure: keyof Drive, other: 'bare' | 'encoding'): number =>
  median(rounds.map((round) => round.ours[figure] / round[other][figure]));
