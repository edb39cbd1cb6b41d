/**
 * Whether what was installed is there and does its work: Deployment, settings, rights, policies, leader. Pure.
 */
import { type Fields, fieldsOf, listOf, numberOf, textOf, timeOf } from '../../peers/field.ts';
import { COMPONENT } from '../../peers/names.ts';
import { type Check, counted, ok, problem, skipped, some, type Verdict, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { accountName, rightText } from './rights.ts';

const NOT_THERE = 'there is no Deployment stellar-peers';

function judgeDeployment({ deployment, settings }: Facts): Verdict {
  if (!deployment) return problem(`${NOT_THERE} in namespace ${settings.namespace}`);
  const wanted = numberOf(fieldsOf(deployment.spec).replicas) ?? 1;
  const ready = numberOf(fieldsOf(deployment.status).readyReplicas) ?? 0;
  const found = `${ready} of ${counted(wanted, 'replica')} ready`;
  if (ready === 0) return problem(found);
  if (ready < wanted) return warning(found);
  return wanted < 2
    ? warning(`${found}: pods that start while it is replaced start without peers`)
    : ok(found);
}

/** The container that runs us; the only one, where it has another name. */
export function containerOf(deployment: Fields): Fields {
  const containers = listOf(fieldsOf(fieldsOf(fieldsOf(deployment.spec).template).spec).containers);
  return containers.find(({ name }) => name === COMPONENT) ?? containers[0] ?? {};
}

function judgeImage({ deployment, commandVersion }: Facts): Verdict {
  if (!deployment) return skipped(NOT_THERE);
  const image = textOf(containerOf(deployment).image) ?? '';
  const [, tag] = /:([^/:@]+)(@.*)?$/.exec(image.replace(/@.*$/, '')) ?? [];
  if (tag === undefined) return skipped(`image ${image} has no tag that says its version`);
  const found = `image ${tag}, this command ${commandVersion}`;
  return tag === commandVersion || tag === `v${commandVersion}` ? ok(found) : warning(found);
}

function judgeSettings({ deployment, settingsProblem }: Facts): Verdict {
  if (!deployment) return skipped(NOT_THERE);
  return settingsProblem === undefined ? ok('all of the Deployment can be used') : problem(settingsProblem);
}

function judgeRights({ accountRightsMissing, settings }: Facts): Verdict {
  const who = `ServiceAccount ${settings.namespace}/${COMPONENT}`;
  if (accountRightsMissing.length === 0) return ok(`${who} has all of them`);
  return problem(`${who} may not ${some(accountRightsMissing.map(rightText))}`);
}

/** Behind `stellar-peers-`: what our ServiceAccount is held to, by kind. */
export const POLICIES = ['statefulsets', 'pods', 'webhook', 'services', 'events', 'secrets'].map(
  (kind) => `${COMPONENT}-${kind}`,
);

const nameOf = ({ metadata }: Fields): string => textOf(fieldsOf(metadata).name) ?? '';

function denies({ spec }: Fields, policy: string): boolean {
  const { policyName, validationActions } = fieldsOf(spec);
  return policyName === policy && Array.isArray(validationActions) && validationActions.includes('Deny');
}

function judgePolicies({ policies, policyBindings, settings }: Facts): Verdict {
  const user = accountName(settings.namespace);
  const byName = new Map(policies.map((policy) => [nameOf(policy), policy]));
  const missing = POLICIES.filter((name) => !byName.has(name));
  if (missing.length > 0) return problem(`missing: ${some(missing)}`);
  const unbound = POLICIES.filter((name) => !policyBindings.some((binding) => denies(binding, name)));
  if (unbound.length > 0) return problem(`not bound with action Deny: ${some(unbound)}`);
  const strange = POLICIES.filter((name) => !JSON.stringify(byName.get(name)).includes(`'${user}'`));
  if (strange.length > 0) return problem(`not about ${user}: ${some(strange)}`);
  return ok(`${POLICIES.length} policies, each bound`);
}

const LEASE_UNKNOWN = 15;

function judgeLeader({ lease, nowMs }: Facts): Verdict {
  const spec = fieldsOf(lease?.spec);
  const holder = textOf(spec.holderIdentity) ?? '';
  const renewedAtMs = timeOf(spec.renewTime);
  if (!lease || holder === '' || renewedAtMs === undefined)
    return problem('nobody holds the Lease stellar-peers');
  const agoSeconds = Math.max(0, Math.round((nowMs - renewedAtMs) / 1000));
  const allowed = numberOf(spec.leaseDurationSeconds) ?? LEASE_UNKNOWN;
  const found = `${holder}, renewed ${agoSeconds} s ago`;
  return agoSeconds <= allowed ? ok(found) : problem(`${found}: longer than the ${allowed} s that it lasts`);
}

const AFTER = { category: 'Installation', when: 'after' } as const;
const LOOK = 'look at its pods: kubectl -n stellar-peers describe pods';

export const INSTALLED_CHECKS: readonly Check[] = [
  {
    ...AFTER,
    id: 'deployment',
    title: 'replicas',
    looks: 'Deployment `stellar-peers`: there, two replicas, all of them ready',
    hint: LOOK,
    needs: ['deployment'],
    judge: judgeDeployment,
  },
  {
    ...AFTER,
    id: 'version',
    title: 'version',
    looks: "the tag of the Deployment's image against the version of this command",
    hint: 'use the command of the release that is installed; what the two say of the cluster may differ',
    needs: ['deployment'],
    judge: judgeImage,
  },
  {
    ...AFTER,
    id: 'settings',
    title: 'settings',
    looks: 'whether the environment variables of the Deployment are ones that a replica takes',
    hint: 'docs/settings.md says what each takes; a replica with one that it does not take does not start',
    needs: ['deployment'],
    judge: judgeSettings,
  },
  {
    ...AFTER,
    id: 'account-rights',
    title: 'rights',
    looks: 'every right of `manifests/base/rbac.yaml`, asked of the API server for our ServiceAccount',
    hint: 'apply the manifests again: roles and bindings are in rbac.yaml',
    needs: ['accountRights'],
    judge: judgeRights,
  },
  {
    ...AFTER,
    id: 'admission-policies',
    title: 'admission policies',
    looks:
      'the ValidatingAdmissionPolicies that hold our ServiceAccount to what it is for, and their bindings',
    hint: 'apply the manifests again (policies.yaml): without them RBAC alone limits what the ServiceAccount may do',
    needs: ['policies'],
    judge: judgePolicies,
  },
  {
    ...AFTER,
    id: 'leader',
    title: 'leader',
    looks: 'Lease `stellar-peers`: held, and renewed within the time that it lasts',
    hint: 'while nobody leads nothing is published and nobody is restarted; the log of a replica says why it does not',
    needs: ['lease'],
    judge: judgeLeader,
  },
];
