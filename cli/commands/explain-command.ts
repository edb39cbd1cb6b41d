/**
 * `stellar-peers explain`: everything known and decided about one validator.
 */
import { keyOf } from '../../peers/world.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, ProblemError } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { inFormat } from '../output.ts';
import { openSession } from '../session.ts';
import { readCluster } from '../snapshot.ts';
import { decideNow } from './current-reasons.ts';
import { explain } from './explain.ts';
import { renderExplanation } from './explain-text.ts';

export const explainCommand: Command = {
  name: 'explain',
  synopsis: 'NAME',
  summary: 'show everything that is known and decided about one validator',
  details:
    'Shows the discovery result, the expected and running peers, what its pods started with and lack, what ' +
    'admission would do to its next pod, its restarts, and what the leader would do now, or why nothing. ' +
    "Without -n the namespace is that of the kubeconfig's context.",
  args: { min: 1, max: 1 },
  flags: ['namespace', 'output', ...CLUSTER_FLAGS],
  formats: ['table', 'json', 'yaml'],
  run: runExplain,
};

async function runExplain(call: Call): Promise<ExitCode> {
  const { args, flags, format, terminal } = call;
  const session = await openSession(call);
  const [name = ''] = args;
  const key = keyOf(flags.namespace ?? session.contextNamespace, name);
  const explanation = explain(key, decideNow(await readCluster(session)));
  if (!explanation) throw new ProblemError(`no such validator: ${key}`);
  terminal.print(inFormat(format, explanation, () => renderExplanation(explanation, terminal.paint)));
  return EXIT.ok;
}
