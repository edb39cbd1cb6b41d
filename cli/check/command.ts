/** `stellar-peers check`: reads the cluster, evaluates the checks and prints the findings. */
import metadata from '../../package.json' with { type: 'json' };
import type { Call, Command } from '../command.ts';
import { overridesIn } from '../commands/rollout-plan.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { openSession } from '../session.ts';
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
  const session = await openSession(call, overridesIn(flags.set ?? []));
  const when = flags.pre ? 'before' : 'after';
  const findings = evaluate(await gatherFacts({ ...session, when, commandVersion: metadata.version }));
  terminal.print(renderCheck(findings, format, terminal.paint));
  return summaryOf(findings).problem > 0 ? EXIT.problem : EXIT.ok;
}
