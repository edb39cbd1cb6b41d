/** Checks of the installation: Deployment, DNS domain, admission policies and leader. Pure. */
import { type Fields, fieldsOf, numberOf, textOf, timeOf } from '../../peers/field.ts';
import { COMPONENT, WEBHOOK_ENTRY } from '../../peers/names.ts';
import { containerOf, UNSET_DOMAIN, versionOf, wrongDomain } from '../deployed.ts';
import {
  type CategoryCheck,
  type CheckVerdict,
  counted,
  notYet,
  ok,
  problem,
  skipped,
  some,
  warning,
} from './check.ts';
import type { Facts } from './facts.ts';

const NOT_THERE = 'there is no Deployment stellar-peers';

function replicasOf(deployment: Fields): { readonly wanted: number; readonly ready: number } {
  return {
    wanted: numberOf(fieldsOf(deployment.spec).replicas) ?? 1,
    ready: numberOf(fieldsOf(deployment.status).readyReplicas) ?? 0,
  };
}

/** How long replicas may take to start: to be scheduled, to pull the image, and to be probed. */
const STARTING_SECONDS = 60;

/** The age of the Deployment in seconds, while its replicas are still starting; undefined if they are not. */
export function startingForSeconds({ deployment, nowMs }: Facts): number | undefined {
  const createdAtMs = timeOf(fieldsOf(deployment?.metadata).creationTimestamp);
  if (!deployment || createdAtMs === undefined) return undefined;
  const { wanted, ready } = replicasOf(deployment);
  const seconds = Math.max(0, Math.round((nowMs - createdAtMs) / 1000));
  return ready < wanted && seconds < STARTING_SECONDS ? seconds : undefined;
}

/** The namespace in which we run: that of the Deployment; without a Deployment, that of the Service in the webhook. */
function homeOf({ deployment, settings, world }: Facts): string {
  const entry = world.webhook?.entries.find(({ name }) => name === WEBHOOK_ENTRY);
  return (deployment ? undefined : entry?.service?.namespace) ?? settings.namespace;
}

function checkDeployment(facts: Facts): CheckVerdict {
  const { deployment, settings } = facts;
  if (!deployment) {
    const home = homeOf(facts);
    const found = `${NOT_THERE} in namespace ${settings.namespace}`;
    if (home === settings.namespace) return problem(found);
    return problem(
      `${found}; the webhook is called in ${home}: stellar-peers check --install-namespace ${home}`,
    );
  }
  const { wanted, ready } = replicasOf(deployment);
  const found = `${ready} of ${counted(wanted, 'replica')} ready`;
  if (ready === 0) return notYet(found);
  if (ready < wanted) return warning(found);
  return wanted < 2
    ? warning(`${found}: while the only replica is being replaced, new pods start without peers`)
    : ok(found);
}

function checkImage({ deployment, commandVersion }: Facts): CheckVerdict {
  if (!deployment) return skipped(NOT_THERE);
  const tag = versionOf(deployment);
  if (tag === undefined)
    return skipped(`image ${textOf(containerOf(deployment).image) ?? ''} has no tag that says its version`);
  const found = `image ${tag}, this command ${commandVersion}`;
  return tag === commandVersion || tag === `v${commandVersion}` ? ok(found) : warning(found);
}

function checkDomain({ settings, world }: Facts): CheckVerdict {
  const wrong = wrongDomain(settings, world.configMaps.get(settings.namespace)?.data);
  return wrong === undefined ? ok(settings.clusterDomain) : problem(wrong);
}

/** The ValidatingAdmissionPolicies that limit what our ServiceAccount may write. */
export const POLICIES = [
  'statefulsets',
  'pods',
  'webhook',
  'services',
  'events',
  'secrets',
  'configmaps',
  'own',
].map((kind) => `${COMPONENT}-${kind}`);

const accountName = (ownNamespace: string): string => `system:serviceaccount:${ownNamespace}:${COMPONENT}`;

const nameOf = ({ metadata }: Fields): string => textOf(fieldsOf(metadata).name) ?? '';

function denies({ spec }: Fields, policy: string): boolean {
  const { policyName, validationActions } = fieldsOf(spec);
  return policyName === policy && Array.isArray(validationActions) && validationActions.includes('Deny');
}

function checkPolicies(facts: Facts): CheckVerdict {
  const { policies, policyBindings } = facts;
  const user = accountName(homeOf(facts));
  const byName = new Map(policies.map((policy) => [nameOf(policy), policy]));
  const missing = POLICIES.filter((name) => !byName.has(name));
  if (missing.length > 0) return problem(`missing: ${some(missing)}`);
  const unbound = POLICIES.filter((name) => !policyBindings.some((binding) => denies(binding, name)));
  if (unbound.length > 0) return problem(`not bound with action Deny: ${some(unbound)}`);
  const forOthers = POLICIES.filter((name) => !JSON.stringify(byName.get(name)).includes(`'${user}'`));
  if (forOthers.length > 0) return problem(`these policies do not name ${user}: ${some(forOthers)}`);
  return ok(`${POLICIES.length} policies, each bound`);
}

/** The default of LEASE_DURATION_SECONDS, for a Lease that does not say its duration. */
const LEASE_SECONDS_DEFAULT = 15;

function checkLeader({ lease, nowMs }: Facts): CheckVerdict {
  const spec = fieldsOf(lease?.spec);
  const holder = textOf(spec.holderIdentity) ?? '';
  const renewedAtMs = timeOf(spec.renewTime);
  if (!lease || holder === '' || renewedAtMs === undefined)
    return notYet('no replica holds the Lease stellar-peers');
  const agoSeconds = Math.max(0, Math.round((nowMs - renewedAtMs) / 1000));
  const allowedSeconds = numberOf(spec.leaseDurationSeconds) ?? LEASE_SECONDS_DEFAULT;
  const found = `${holder}, renewed ${agoSeconds} s ago`;
  return agoSeconds <= allowedSeconds
    ? ok(found)
    : notYet(`${found}: longer than the ${allowedSeconds} s that it lasts`);
}

export const INSTALLED_CHECKS: readonly CategoryCheck[] = [
  {
    when: 'after',
    id: 'deployment',
    title: 'replicas',
    looks: 'Deployment `stellar-peers`: it exists, and has at least two replicas, all of them ready',
    hint: 'look at its pods: kubectl -n stellar-peers describe pods. What its ServiceAccount may do: kubectl auth can-i --list --as=system:serviceaccount:stellar-peers:stellar-peers',
    needs: ['deployment'],
    evaluate: checkDeployment,
  },
  {
    when: 'after',
    id: 'version',
    title: 'version',
    looks: "whether the tag of the Deployment's image is the version of this command",
    hint: 'use the command of the installed release; another version may judge the cluster differently',
    needs: ['deployment'],
    evaluate: checkImage,
  },
  {
    when: 'after',
    id: 'cluster-domain',
    title: 'DNS domain',
    looks:
      'whether `CLUSTER_DOMAIN` is the domain that the leader has found, by its `/etc/resolv.conf` and by resolving names',
    hint: `${UNSET_DOMAIN}; with Helm, GitOps or an overlay, remove the setting there: a replica finds the domain by itself`,
    needs: ['world'],
    evaluate: checkDomain,
  },
  {
    when: 'after',
    id: 'admission-policies',
    title: 'admission policies',
    looks: 'the ValidatingAdmissionPolicies that limit what our ServiceAccount may do, and their bindings',
    hint:
      'without the policies, RBAC alone limits what the ServiceAccount may do. The policies name the account; `namespace:` ' +
      'of a kustomization does not change that name, so leave `namespace:` out, or use Helm. Then apply your manifests again, in your overlay: kubectl apply -k .',
    needs: ['policies'],
    evaluate: checkPolicies,
  },
  {
    when: 'after',
    id: 'leader',
    title: 'leader',
    looks: 'Lease `stellar-peers`: a replica holds it, and renews it in time',
    hint: 'while no replica leads nothing is published or restarted; the log of the replicas says why: kubectl -n stellar-peers logs -l app.kubernetes.io/name=stellar-peers --prefix',
    needs: ['lease'],
    evaluate: checkLeader,
  },
];
