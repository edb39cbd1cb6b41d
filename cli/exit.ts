/** The exit codes of commands, and the code and text for each error. */
import { SettingsError } from '../app/settings.ts';
import { KubeConfigError, KubeError } from '../runtime/kube/port.ts';
import { ListenError } from '../runtime/listen.ts';
import { withoutSecrets } from '../runtime/log.ts';

/** The exit codes, for scripts. */
export const EXIT = { ok: 0, problem: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit codes as text for `--help`. */
export const EXIT_HELP =
  '0 all well · 1 a problem was found · 2 wrong usage or settings · 3 the cluster could not be reached';

/** The arguments are wrong. The message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** The name of the command, to refer to its help. */
  command = '';
}

/** The command found a problem and cannot go on. The message says everything; no stack is printed. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
}

/** The exit code of a command that failed with `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || error instanceof SettingsError) return EXIT.usage;
  if (error instanceof KubeConfigError) return EXIT.unreachable;
  return error instanceof KubeError && isUnreachable(error) ? EXIT.unreachable : EXIT.problem;
}

/** True if there was no answer, if the server does not accept our credentials, or if it fails for any request. */
const isUnreachable = ({ status }: KubeError): boolean =>
  status === 0 || status === 401 || status === 429 || status >= 500;

const EXPECTED = [UsageError, ProblemError, SettingsError, ListenError, KubeConfigError, KubeError];

/** The text for an error: only the message if a person can correct the cause, a stack for our own defects. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isExpected = EXPECTED.some((kind) => error instanceof kind);
  return withoutSecrets(isExpected ? error.message : (error.stack ?? error.message));
}
