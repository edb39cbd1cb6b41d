/**
 * How a command ends: the exit codes, and which error leads to which.
 */

import { SettingsError } from '../app/settings.ts';
import { KubeConfigError, KubeError } from '../runtime/kube/port.ts';
import { ListenError } from '../runtime/listen.ts';
import { withoutSecrets } from '../runtime/log.ts';

/** What the exit code says to a script. */
export const EXIT = { ok: 0, problem: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What `--help` says of them. */
export const EXIT_HELP =
  '0 all well · 1 a problem was found · 2 wrong usage or settings · 3 the cluster could not be reached';

/** Wrong arguments; the message names what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** The command at hand, whose help says more. */
  command = '';
}

/** Something that was found and keeps the command from doing what was asked; the message is all there is to say. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
}

/** The exit code of a command that failed with `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || error instanceof SettingsError) return EXIT.usage;
  if (error instanceof KubeConfigError) return EXIT.unreachable;
  return error instanceof KubeError && isUnreachable(error) ? EXIT.unreachable : EXIT.problem;
}

/** No answer, one of a server that does not know us, or one of a server in trouble: whatever was asked. */
const isUnreachable = ({ status }: KubeError): boolean =>
  status === 0 || status === 401 || status === 429 || status >= 500;

const EXPECTED = [UsageError, ProblemError, SettingsError, ListenError, KubeConfigError, KubeError];

/** What is said of it: the sentence of what a person can put right, a stack for what is a defect of ours. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isExpected = EXPECTED.some((kind) => error instanceof kind);
  return withoutSecrets(isExpected ? error.message : (error.stack ?? error.message));
}
