/**
 * `stellar-peers check`: reads the cluster, evaluates the checks and prints the findings.
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
  summary: 'check the cluster and the installation, and say how to mend what is wrong',
  details:
    'With --pre, checks before the install whether stellar-peers can be installed; without, checks the ' +
    'installation. Changes nothing. A check is skipped if you may not read its objects, and names the missing ' +
    'right. With --set NAME=VALUE, counts the restarts that this setting would cause, before you change it.',
  flags: ['pre', 'set', 'output', ...CLUSTER_FLAGS],
  formats: ['table', 'wide', 'json', 'yaml'],
  run: runCheck,
};

async function runCheck(call: Call): Promise<ExitCode> {
  const { terminal, format, flags } = call;
  const overrides = overridesIn(flags.set ?? []);
  const { kube, nowMs } = await openCluster(call);
  const settings = await findSettings(call, kube, overrides);
  const when = flags.pre ? 'before' : 'after';
  const facts = await gatherFacts({
    kube,
    trials: kube,
    nowMs,
    when,
    commandVersion: metadata.version,
    ...settings,
  });
  const findings = evaluate(facts);
  terminal.print(renderCheck(findings, format, terminal.paint));
  return summaryOf(findings).problem > 0 ? EXIT.problem : EXIT.ok;
}

/**
 * The settings in force. If the settings of the Deployment cannot be used, the defaults take their place, and the check
 * `settings` reports why.
 */
async function findSettings(
  { flags, env, terminal }: Call,
  kube: Kube,
  overrides: ReturnType<typeof overridesIn>,
): Promise<{ readonly settings: Settings; readonly settingsProblem: string | undefined }> {
  const namespace = installNamespaceOf({ flags, env });
  try {
    const { settings, notes } = await settingsInForce(kube, { namespace, env, overrides });
    // The notes say where the settings come from. Before the install there is no Deployment, and no need to say so.
    if (!flags.pre) for (const note of notes) terminal.say(note);
    return { settings, settingsProblem: undefined };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const settings = readSettings({ POD_NAMESPACE: namespace, ...overrides });
    return { settings, settingsProblem: error.message };
  }
}
