/**
 * `stellar-peers check`: reads the cluster, evaluates the checks, prints.
 */

import { readSettings, type Settings } from '../../app/settings.ts';
import metadata from '../../package.json' with { type: 'json' };
import type { Kube } from '../../runtime/kube/port.ts';
import type { Call, Command } from '../command.ts';
import { overridesIn } from '../commands/rollout-plan.ts';
import { settingsInForce } from '../deployed.ts';
import { EXIT, type ExitCode, ProblemError } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { installNamespaceOf, openCluster } from '../session.ts';
import { evaluate } from './evaluate.ts';
import { gatherFacts } from './gather.ts';
import { renderCheck, summaryOf } from './render.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'whether everything is as it should be, and what to do where it is not',
  details:
    'Before the install with --pre, afterwards without. Changes nothing. What you may not read is skipped, and the right that is missing is named. With --set NAME=VALUE ' +
    'it counts the restarts that a setting would want before it is in force.',
  flags: ['pre', 'set', 'output', ...CLUSTER_FLAGS],
  formats: ['table', 'wide', 'json', 'yaml'],
  run: runCheck,
};

async function runCheck(call: Call): Promise<ExitCode> {
  const { terminal, format, flags } = call;
  const overrides = overridesIn(flags.set ?? []);
  const { kube, trials, nowMs } = await openCluster(call);
  const found = await findSettings(call, kube, overrides);
  const when = flags.pre ? 'before' : 'after';
  const facts = await gatherFacts({ kube, trials, nowMs, when, commandVersion: metadata.version, ...found });
  const findings = evaluate(facts);
  terminal.print(renderCheck(findings, format, terminal.paint));
  return summaryOf(findings).problem > 0 ? EXIT.problem : EXIT.ok;
}

/** The settings in force, or the defaults where those of the Deployment are none, which is a finding of its own. */
async function findSettings(
  { flags, env, terminal }: Call,
  kube: Kube,
  overrides: ReturnType<typeof overridesIn>,
): Promise<{ readonly settings: Settings; readonly settingsProblem: string | undefined }> {
  const namespace = installNamespaceOf({ flags, env });
  try {
    const { settings, notes } = await settingsInForce(kube, { namespace, env, overrides });
    // Before the install there is nothing that the settings could be read from.
    if (!flags.pre) for (const note of notes) terminal.say(note);
    return { settings, settingsProblem: undefined };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const settings = readSettings({ POD_NAMESPACE: namespace, ...overrides });
    return { settings, settingsProblem: error.message };
  }
}
