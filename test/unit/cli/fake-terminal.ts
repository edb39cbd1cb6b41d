/** A terminal in memory: what was printed and said, and answers to what is asked. */
import { UsageError } from '../../../cli/exit.ts';
import type { Terminal } from '../../../cli/terminal.ts';

export class FakeTerminal implements Terminal {
  out = '';
  err = '';
  readonly asked: string[] = [];
  isLive = false;
  /** What is answered; undefined without a person at the terminal. */
  answer: boolean | undefined;
  readonly files = new Map<string, string>();
  readonly #stopping = new AbortController();

  print = (text: string): void => {
    this.out += text;
  };

  say = (text: string): void => {
    this.err += `${text}\n`;
  };

  ask = async (question: string): Promise<boolean> => {
    this.asked.push(question);
    if (this.answer === undefined) throw new UsageError('there is no terminal to ask on: use --yes');
    return this.answer;
  };

  read = (path: string): string => this.files.get(path) ?? '';

  paint = (_: string, text: string): string => text;

  stopped = (): AbortSignal => this.#stopping.signal;

  /** As Ctrl-C. */
  stop = (): void => this.#stopping.abort();
}
