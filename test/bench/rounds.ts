/**
 * Rounds in which several servers are driven one after the other, each time beginning with another. What counts is how
 * they compare within a round: a machine that others use too is slower for all of them then.
 */
import type { Drive, Generator } from './generator.ts';
import { cpuMs } from './processes.ts';

export interface Driven {
  readonly pid: number;
  readonly url: string;
}

/** What one server did in one round. */
export interface Sample extends Drive {
  readonly cpuMicrosPerReview: number;
}

export type Round<Name extends string> = Readonly<Record<Name, Sample>>;

export async function driveRounds<Name extends string>(
  generator: Generator,
  servers: Readonly<Record<Name, Driven>>,
  { rounds, seconds, warmUpSeconds }: Readonly<Record<'rounds' | 'seconds' | 'warmUpSeconds', number>>,
): Promise<ReadonlyArray<Round<Name>>> {
  const names = Object.keys(servers) as Name[];
  if (warmUpSeconds > 0) for (const name of names) await generator.drive(servers[name].url, warmUpSeconds);
  const done: Array<Round<Name>> = [];
  for (let round = 0; round < rounds; round += 1) {
    const samples = {} as Record<Name, Sample>;
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      if (name === undefined) continue;
      const { pid, url } = servers[name];
      const beforeMs = cpuMs(pid);
      const drive = await generator.drive(url, seconds);
      samples[name] = { ...drive, cpuMicrosPerReview: ((cpuMs(pid) - beforeMs) * 1000) / drive.reviews };
    }
    done.push(samples);
  }
  return done;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** The median over all rounds of each figure of one server. */
export function typical<Name extends string>(rounds: ReadonlyArray<Round<Name>>, name: Name): Sample {
  const over = (figure: keyof Sample) => median(rounds.map((round) => round[name][figure]));
  return {
    reviews: over('reviews'),
    perSecond: over('perSecond'),
    p50Ms: over('p50Ms'),
    p99Ms: over('p99Ms'),
    cpuMicrosPerReview: over('cpuMicrosPerReview'),
  };
}

/** The median over all rounds of how two servers compared in each. */
export const ratio = <Name extends string>(
  rounds: ReadonlyArray<Round<Name>>,
  figure: keyof Sample,
  [of, to]: readonly [Name, Name],
): number => median(rounds.map((round) => round[of][figure] / round[to][figure]));
