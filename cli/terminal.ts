/** The terminal of a command: data on standard output, the rest on standard error, colours only on a terminal. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { ReadStream, WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { wordsOfReadError } from '../runtime/read-error.ts';
import { ProblemError, UsageError } from './exit.ts';

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Puts text into a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

export interface Terminal {
  /** Writes data to standard output. */
  print(text: string): void;
  /** Writes a line with progress or a note to standard error. */
  say(text: string): void;
  /** Asks a question. True for yes. Rejects with UsageError if there is no terminal on which to answer. */
  ask(question: string): Promise<boolean>;
  /** The text of a file, or of standard input for `-`. Throws ProblemError if it cannot be read. */
  read(path: string): string;
  readonly paint: Paint;
  /** Aborts at Ctrl-C, from the first call on. */
  stopped(): AbortSignal;
  /** True if standard output is a terminal that can be redrawn. */
  readonly isLive: boolean;
}

/** The streams of a process, and its signals. */
export interface Streams {
  readonly stdin: Pick<ReadStream, 'isTTY'> & NodeJS.ReadableStream;
  readonly stdout: Pick<WriteStream, 'isTTY'> & NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  once(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The terminal of a process with these streams. */
export function terminalOf(streams: Streams, env: Env): Terminal {
  const { stdin, stdout, stderr } = streams;
  const isLive = stdout.isTTY === true && env.TERM !== 'dumb';
  // By no-color.org, any value that is not empty switches colours off.
  const isColoured = isLive && (env.NO_COLOR ?? '') === '';
  return {
    isLive,
    paint: (colour, text) => (isColoured ? styleText(colour, text, { validateStream: false }) : text),
    print: (text) => void stdout.write(text),
    say: (text) => void stderr.write(`${text}\n`),
    read,
    stopped: () => {
      const stopping = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) streams.once(signal, () => stopping.abort());
      return stopping.signal;
    },
    ask: async (question) => {
      if (!stdin.isTTY) throw new UsageError('there is no terminal to ask on: use --yes');
      const asking = createInterface({ input: stdin, output: stderr });
      // Ctrl-C and Ctrl-D end it without an answer.
      asking.once('SIGINT', () => asking.close());
      const closed = new Promise<string>((resolve) => asking.once('close', () => resolve('')));
      const answer = await Promise.race([asking.question(question), closed]);
      asking.close();
      return /^y(es)?$/i.test(answer.trim());
    },
  };
}

function read(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (cause) {
    throw new ProblemError(`${path} cannot be read: ${wordsOfReadError(cause)}`, { cause });
  }
}
