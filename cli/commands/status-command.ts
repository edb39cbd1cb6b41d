/**
 * `stellar-peers status` against a cluster: reads everything, decides as the leader would, prints; with -w again and
 * again.
 */
import { groupedReasons } from '../../peers/reasons/reason-groups.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { inFormat } from '../output.ts';
import { openSession } from '../session.ts';
import { shownBy } from '../shown.ts';
import { readCluster } from '../snapshot.ts';
import { watchText } from '../watching.ts';
import { decideNow } from './current-reasons.ts';
import { renderStatus } from './status.ts';
import { reasonsIn, statusReport } from './status-report.ts';

export const statusCommand: Command = {
  name: 'status',
  summary: 'show networks and validators: the peers they know, the restarts under way, what waits and why',
  details:
    'Without -n and -l, all validators are shown; with them, only the chosen ones and their networks. The command ' +
    'reads the cluster and decides as the leader would. With -w it reads every two seconds, and prints the ' +
    'status again after a change: on a terminal in place of the old one, otherwise below it.',
  flags: ['namespace', 'all-namespaces', 'selector', 'output', 'watch', ...CLUSTER_FLAGS],
  formats: ['table', 'wide', 'json', 'yaml'],
  run: runStatus,
};

async function runStatus(call: Call): Promise<ExitCode> {
  const { flags, format, terminal } = call;
  const session = await openSession(call);
  const read = async (): Promise<string> => {
    const cluster = decideNow(await readCluster(session));
    const isShown = await shownBy(call, session);
    const report = statusReport(cluster, isShown);
    const groups = groupedReasons(reasonsIn(cluster, isShown));
    const look = { isWide: format === 'wide', paint: terminal.paint };
    return inFormat(format, report, () => renderStatus(report, groups, look));
  };
  if (flags.watch) await watchText(read, { terminal, clock: systemClock, signal: terminal.stopped() });
  else terminal.print(await read());
  return EXIT.ok;
}
