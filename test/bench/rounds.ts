/**
 * Rounds in which our server and bare node are measured one after the other, in alternating order. Only their ratio within a
 * round counts, because a busy machine slows down both.
 */
import type { Drive, Generator } from './generator.ts';

type Name = 'ours' | 'bare';
export type Round = Readonly<Record<Name, Drive>>;

export async function driveRounds(
  generator: Generator,
  urls: Readonly<Record<Name, string>>,
  { rounds, seconds, warmUpSeconds }: Readonly<Record<'rounds' | 'seconds' | 'warmUpSeconds', number>>,
): Promise<readonly Round[]> {
  for (const url of Object.values(urls)) await generator.drive(url, warmUpSeconds);
  const done: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const first: Name = round % 2 === 0 ? 'ours' : 'bare';
    const second: Name = first === 'ours' ? 'bare' : 'ours';
    const before = await generator.drive(urls[first], seconds);
    const after = await generator.drive(urls[second], seconds);
    done.push(first === 'ours' ? { ours: before, bare: after } : { ours: after, bare: before });
  }
  return done;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** The median over all rounds of a figure of ours in times of bare node's. */
export const ratioOf = (rounds: readonly Round[], figure: keyof Drive): number =>
  median(rounds.map(({ ours, bare }) => ours[figure] / bare[figure]));
