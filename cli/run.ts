/**
 * `stellar-peers run`: one replica, until it is told to stop.
 */
import closeWithGrace from 'close-with-grace';
import { KubeConfigError } from '../runtime/kube-client.ts';
import { serve } from '../serve.ts';
import { readSettings } from '../settings.ts';
import type { Call, Command } from './command.ts';
import { complaintOf, ProblemError } from './exit.ts';

/** Longest time that a clean stop may take, beyond what the replica itself waits for. */
const GRACE_MS = 15_000;

export const runCommand: Command = {
  name: 'run',
  synopsis: '',
  summary: 'run one replica (webhook and reconciler); settings come from the environment',
  details: 'This is what the Deployment runs. docs/settings.md has the settings.',
  args: { min: 0, max: 0 },
  flags: [],
  formats: [],
  run,
};

async function run({ env, terminal }: Call): Promise<undefined> {
  const settings = readSettings(env);
  const onFailure = (error: unknown) => {
    throw error;
  };
  const replica = await serve(settings, { onFailure, kubeconfig: env.KUBECONFIG }).catch((error: unknown) => {
    // 3 is for commands: nobody waits for the answer of a replica, which is started anew whatever its code.
    throw error instanceof KubeConfigError ? new ProblemError(error.message, { cause: error }) : error;
  });
  const say = (text: string) => terminal.say(`stellar-peers: ${text}`);
  const delay = settings.drainSeconds * 1000 + GRACE_MS;
  const onTimeout = () => say(`not stopped within ${delay / 1000} s, so it ends as it is`);
  const onSecondSignal = (signal?: string) => say(`${signal} for the second time, so it ends at once`);
  closeWithGrace({ delay, logger: false, onTimeout, onSecondSignal }, async ({ err }) => {
    if (err) say(complaintOf(err));
    await replica.close();
  });
}
