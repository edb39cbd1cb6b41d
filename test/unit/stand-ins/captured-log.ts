/**
 * A log that keeps what is written to it.
 */
import type { Log } from '../../../runtime/log.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export class CapturedLog implements Log {
  readonly lines: Line[] = [];
  debug = (fields: object, message: string) => this.#keep('debug', fields, message);
  info = (fields: object, message: string) => this.#keep('info', fields, message);
  warn = (fields: object, message: string) => this.#keep('warn', fields, message);
  error = (fields: object, message: string) => this.#keep('error', fields, message);

  with(message: RegExp): Line[] {
    return this.lines.filter((line) => message.test(line.message));
  }

  #keep(level: string, fields: object, message: string): void {
    this.lines.push({ level, message, fields: { ...fields } });
  }
}
