/**
 * The twelve lines of the demo for the README: commands and their results, without times.
 */
import type { PodEvent } from '../cluster/pods.ts';

const WORDS: Partial<Record<PodEvent['change'], string>> = {
  terminating: 'stops',
  ready: 'is Ready',
};

export class Transcript {
  readonly #lines: string[] = [];

  command(line: string): void {
    this.#lines.push(`$ ${line}`);
  }

  text(text: string): void {
    this.#lines.push(...text.trimEnd().split('\n'));
  }

  /** Adds the events of pods since `sinceMs`: a line for each life of a pod. */
  timeline(events: readonly PodEvent[], sinceMs: number): void {
    const lives = new Map<string, string[]>();
    for (const { atMs, pod, change } of events) {
      const word = WORDS[change];
      if (atMs < sinceMs || word === undefined) continue;
      lives.set(pod, [...(lives.get(pod) ?? []), word]);
    }
    for (const [pod, words] of lives) this.#lines.push(`  ${pod.split('/')[1]} ${words.join(', ')}`);
  }

  /** The block for the README. */
  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
