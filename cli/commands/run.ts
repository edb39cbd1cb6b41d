/** `stellar-peers run`: one replica, until it is told to stop. */
import { readFileSync } from 'node:fs';
import closeWithGrace from 'close-with-grace';
import { clusterDomainIn, RESOLV_CONF } from '../../app/cluster-domain.ts';
import type { Replica } from '../../app/serve.ts';
import { readSettings } from '../../app/settings.ts';
import { handOverSignals } from '../../app/start-signals.ts';
import { KubeConfigError } from '../../runtime/kube/port.ts';
import type { Call, Command } from '../command.ts';
import { errorText, ProblemError } from '../exit.ts';

/** The longest time for a clean stop, in addition to the waits of the replica itself. */
const GRACE_MS = 15_000;

export const runCommand: Command = {
  name: 'run',
  summary: 'run one replica (webhook and reconciler); settings come from the environment',
  details: 'This is what the Deployment runs. docs/settings.md has the settings.',
  flags: [],
  run,
};

/** The text of a file; empty if it cannot be read. That is no error, because no person has asked for the file. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function run({ env, terminal }: Call): Promise<undefined> {
  const found = clusterDomainIn(readIfThere(RESOLV_CONF), env.POD_NAMESPACE ?? '');
  const settings = readSettings({ ...env, CLUSTER_DOMAIN: env.CLUSTER_DOMAIN || found });
  const onFailure = (error: unknown) => {
    throw error;
  };
  let replica: Replica | undefined;
  const say = (text: string) => terminal.say(`stellar-peers: ${text}`);
  const delay = settings.drainSeconds * 1000 + GRACE_MS;
  const onTimeout = () => say(`shutdown timed out after ${delay / 1000} s, exiting`);
  const onSecondSignal = (signal?: string) => say(`second ${signal}, exiting at once`);
  // Until the replica exists, the process ends at once, because no review is under way and no Lease is held.
  closeWithGrace({ delay, logger: false, onTimeout, onSecondSignal }, async ({ err }) => {
    if (err) say(errorText(err));
    await replica?.close();
  });
  if (handOverSignals()) return undefined;
  // Load the servers here, so that no other command loads them.
  const { serve } = await import('../../app/serve.ts');
  replica = await serve(settings, { onFailure, env, foundDomain: found }).catch((error: unknown) => {
    // Exit code 3 is for commands. A replica is restarted whatever its exit code is.
    throw error instanceof KubeConfigError ? new ProblemError(error.message, { cause: error }) : error;
  });
}
