/** `stellar-peers version`: the versions of this command and of the replicas, by the image of their Deployment. */
import metadata from '../../package.json' with { type: 'json' };
import { COMPONENT } from '../../peers/names.ts';
import { Deployments } from '../../runtime/kube/resources.ts';
import type { Call, Command } from '../command.ts';
import { versionOf } from '../deployed.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { inFormat } from '../output.ts';
import { installNamespaceOf, openCluster } from '../session.ts';

export const versionCommand: Command = {
  name: 'version',
  summary: 'the version of this command and of the replicas',
  details: 'The version of the replicas is the image tag of their Deployment.',
  flags: ['client', 'output', ...CLUSTER_FLAGS],
  formats: ['table', 'json', 'yaml'],
  run: runVersion,
};

async function runVersion(call: Call): Promise<ExitCode> {
  const { flags, format, terminal } = call;
  const client = metadata.version;
  // Print this before asking the cluster, which may be unreachable.
  if (format === 'table') terminal.print(`command:  ${client}\n`);
  const replicas = flags.client ? undefined : await replicaVersion(call);
  const data = flags.client ? { client } : { client, replicas };
  const text = flags.client ? '' : `replicas: ${replicas ?? 'not known'}\n`;
  terminal.print(inFormat(format, data, () => text));
  return EXIT.ok;
}

/** The version of the replicas. Null, with a line on standard error, without a Deployment or without an image tag. */
async function replicaVersion(call: Call): Promise<string | null> {
  const { kube } = await openCluster(call);
  const namespace = installNamespaceOf(call);
  const deployment = await kube.get({ resource: Deployments, namespace, name: COMPONENT });
  const version = deployment && versionOf(deployment);
  if (version !== undefined) return version;
  const title = `Deployment ${namespace}/${COMPONENT}`;
  call.terminal.say(deployment ? `The image of ${title} has no tag.` : `There is no ${title}.`);
  return null;
}
