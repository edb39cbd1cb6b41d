/** Structured logging: messages are constant, and variable parts are fields. Owns the interface of the logger. */
import { type LoggerOptions, pino } from 'pino';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Keys as PEM, or base64 of it, seeds and tokens. We log none, but an error may quote the API server or a library. */
const SECRETS =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=")|$)|LS0tLS1CRUdJTi[\w+/=]*|\bS[A-Z2-7]{55}\b|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;

/** The text without secrets, as far as they can be recognised by their form. */
export const withoutSecrets = (text: string): string => text.replace(SECRETS, '[secret]');

/** Writes JSON lines from `level` up, by default to standard output. Errors under `error` are written with their causes. */
export function createLog(level: string, destination?: { write(line: string): void }): Log {
  const options: LoggerOptions = {
    level,
    base: null,
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.errWithCause },
    hooks: { streamWrite: withoutSecrets },
  };
  return destination ? pino(options, destination) : pino(options);
}
