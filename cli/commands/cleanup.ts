/**
 * `stellar-peers cleanup`: removes our ConfigMaps after everything else was uninstalled. Headless Services and annotations
 * stay, because running validators depend on them. Data that people wrote stays too.
 */
import {
  COMPONENT,
  JOURNAL_CONFIGMAP,
  PEERS_CONFIGMAP,
  POD_SELECTOR,
  WEBHOOK_CONFIGURATION,
} from '../../peers/names.ts';
import { readConfigMap } from '../../peers/read/cluster.ts';
import { readPod } from '../../peers/read/workload.ts';
import { isSharedWithOthers } from '../../reconciler/plan/publish/foreign-keys.ts';
import { hasStatus, type Kube, type KubeObject } from '../../runtime/kube/port.ts';
import {
  ConfigMaps,
  Deployments,
  MutatingWebhookConfigurations,
  type ObjectRef,
  Pods,
} from '../../runtime/kube/resources.ts';
import { isConfirmed, titleOf } from '../annotate.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, ProblemError } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { installNamespaceOf, openCluster } from '../session.ts';

export const cleanupCommand: Command = {
  name: 'cleanup',
  summary: 'remove the ConfigMaps of stellar-peers after everything else was uninstalled',
  details:
    'Refuses while the webhook configuration or the Deployment is there, because the leader would write the ' +
    'ConfigMaps again; --force removes them all the same. Headless Services, annotations and mounts stay, ' +
    'because running validators depend on them. No validator is restarted.',
  flags: ['yes', 'force', ...CLUSTER_FLAGS],
  run: runCleanup,
};

async function runCleanup(call: Call): Promise<ExitCode> {
  const { flags, terminal } = call;
  const { kube, where } = await openCluster(call);
  const plan = await planCleanup(kube, installNamespaceOf(call));
  if (plan.installed.length > 0 && !flags.force) {
    throw new ProblemError(
      `${plan.installed.join(' and ')}: uninstall first, or use --force; what is removed now would be written again`,
    );
  }
  if (plan.remove.length === 0) {
    terminal.say([...plan.kept, 'There is nothing to remove.'].join('\n'));
    return EXIT.ok;
  }
  if (!(await isConfirmed(cleanupText(plan), call, where))) return EXIT.problem;
  for (const { ref, uid } of plan.remove) {
    await kube.delete(ref, { uid });
    terminal.print(`${titleOf(ref)} removed\n`);
  }
  return EXIT.ok;
}

/** Finds the ConfigMaps to remove. Rejects with KubeError if they cannot be read. */
export async function planCleanup(kube: Kube, namespace: string) {
  const found = await ourConfigMaps(kube, namespace);
  const shared = found.filter(
    (object) => object.metadata.name !== JOURNAL_CONFIGMAP && isSharedWithOthers(readConfigMap(object)),
  );
  const remove = found
    .filter((object) => !shared.includes(object))
    .map((object) => ({ ref: refOf(object), uid: object.metadata.uid ?? '' }));
  const pods = await kube.list(Pods, { labelSelector: POD_SELECTOR });
  const spaces = new Set(remove.map(({ ref }) => ref.namespace));
  return {
    /** The parts of the installation that still exist, or may exist. */
    installed: await installedStill(kube, namespace),
    remove,
    kept: shared.map((object) => `${titleOf(refOf(object))} stays: others have keys in it.`),
    mounting: pods.items.map(readPod).filter((pod) => pod.injected && spaces.has(pod.namespace)).length,
  };
}

/** Our ConfigMaps: those with our label, and in our own namespace by name, because people may have made these. */
async function ourConfigMaps(kube: Kube, namespace: string): Promise<KubeObject[]> {
  const labelled = await kube.list(ConfigMaps, {
    labelSelector: `app.kubernetes.io/managed-by=${COMPONENT}`,
    fieldSelector: `metadata.name=${PEERS_CONFIGMAP}`,
  });
  const own = await Promise.all(
    [PEERS_CONFIGMAP, JOURNAL_CONFIGMAP].map((name) => kube.get({ resource: ConfigMaps, namespace, name })),
  );
  const all = [...labelled.items, ...own.filter((object) => object !== undefined)];
  return [...new Map(all.map((object) => [object.metadata.uid, object])).values()];
}

const refOf = ({ metadata: { namespace, name } }: KubeObject): ObjectRef => ({
  resource: ConfigMaps,
  namespace,
  name,
});

/** The parts that still exist. A part that you may not read counts as existing. */
async function installedStill(kube: Kube, namespace: string): Promise<string[]> {
  const refs = [
    { resource: MutatingWebhookConfigurations, name: WEBHOOK_CONFIGURATION },
    { resource: Deployments, namespace, name: COMPONENT },
  ];
  const found = await Promise.all(
    refs.map(async (ref) => {
      try {
        return (await kube.get(ref)) ? [`${titleOf(ref)} is still there`] : [];
      } catch (error) {
        if (hasStatus(error, 403))
          return [`${titleOf(ref)} may still be there: you have no right to read it`];
        throw error;
      }
    }),
  );
  return found.flat();
}

/** Says what is about to happen, for the person who must agree. */
export function cleanupText(plan: Awaited<ReturnType<typeof planCleanup>>): string {
  const { installed, remove, kept, mounting } = plan;
  const pods = mounting === 1 ? '1 running pod mounts' : `${mounting} running pods mount`;
  return [
    'To be removed:',
    ...remove.map(({ ref }) => `  ${titleOf(ref)}`),
    ...kept,
    ...installed.map((text) => `${text}: what is removed may be written again.`),
    mounting === 0
      ? 'No running pod mounts any of them.'
      : `${pods} one of them; the mount is optional, so these pods keep running, and can start again without it.`,
    'Headless Services, annotations and mounts stay.',
  ].join('\n');
}
