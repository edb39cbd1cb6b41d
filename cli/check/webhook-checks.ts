/**
 * Whether the API server asks us about validator pods and believes the answer: the configuration, its caBundle, and a
 * pod for trial. Pure.
 */
import type { X509Certificate } from 'node:crypto';
import { certificatesIn } from '../../certs/check.ts';
import { fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { webhookSelects } from '../../peers/injection/selectors.ts';
import { VOLUME_NAME, WEBHOOK_CONFIGURATION, WEBHOOK_ENTRY } from '../../peers/names.ts';
import type { WebhookFacts } from '../../peers/world.ts';
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
import { placedOf, validatorNamespaces } from './validators.ts';

type Entry = WebhookFacts['entries'][number];

const entryOf = ({ world }: Facts): Entry | undefined =>
  world.webhook?.entries.find(({ name }) => name === WEBHOOK_ENTRY);
const NO_ENTRY = `there is no webhook ${WEBHOOK_ENTRY} in a MutatingWebhookConfiguration ${WEBHOOK_CONFIGURATION}`;

function checkConfiguration(facts: Facts): CheckVerdict {
  const { webhook } = facts.world;
  if (!webhook || !entryOf(facts)) return problem(NO_ENTRY);
  const placed = placedOf(facts);
  const passed = placed.filter(
    ({ namespaceLabels, labels }) =>
      Object.keys(labels).length > 0 &&
      !webhookSelects(webhook, { namespaceLabels, labels, annotations: {} }),
  );
  if (passed.length === 0) return ok('it selects every validator');
  return warning(`it does not select ${some(passed.map(({ validator }) => validator.key))}`);
}

function checkFailurePolicy({ webhookConfiguration }: Facts): CheckVerdict {
  const entries = listOf(webhookConfiguration?.webhooks);
  if (entries.length === 0) return skipped(NO_ENTRY);
  const failing = entries.filter(({ failurePolicy }) => failurePolicy !== 'Ignore');
  if (failing.length === 0) return ok('Ignore: pods start when we are down');
  return warning(
    `${textOf(failing[0]?.failurePolicy) ?? 'Fail'}: while we are down no validator pod can start`,
  );
}

const authoritiesOf = ({ caBundle }: Entry): X509Certificate[] =>
  certificatesIn(Buffer.from(caBundle, 'base64').toString('utf8'));

const DAY_MS = 86_400_000;
/** A CA is renewed after about two thirds of its life: with less than this left, renewal has failed. */
const LAST_PART = 0.2;

function checkBundle(facts: Facts): CheckVerdict {
  const { nowMs } = facts;
  const entry = entryOf(facts);
  if (!entry) return skipped(NO_ENTRY);
  if (entry.caBundle === '') return notYet('it is empty, so the API server trusts no answer of ours');
  const authorities = authoritiesOf(entry);
  if (authorities.length === 0) return problem('it holds no certificate that can be read');
  const lives = authorities.map(
    (cert) => [cert.validFromDate.getTime(), cert.validToDate.getTime()] as const,
  );
  const [longest] = lives
    .filter(([fromMs, toMs]) => fromMs <= nowMs && nowMs < toMs)
    .sort(([, a], [, b]) => b - a);
  if (!longest) return problem('no CA in it is valid now');
  const [fromMs, toMs] = longest;
  const found = `${counted(authorities.length, 'CA')}; ${authorities.length > 1 ? 'one ' : ''}ends in ${counted(Math.floor((toMs - nowMs) / DAY_MS), 'day')}`;
  return toMs - nowMs < (toMs - fromMs) * LAST_PART ? warning(found) : ok(found);
}

function checkTrial(facts: Facts): CheckVerdict {
  const entry = entryOf(facts);
  if (!entry) return skipped(NO_ENTRY);
  if (authoritiesOf(entry).length === 0)
    return skipped('not tried: no answer is believed without a CA in caBundle');
  const { trial } = facts;
  if (trial.kind === 'none') {
    const where =
      validatorNamespaces(facts).length === 0
        ? 'there is no validator'
        : 'no validator is one that it injects';
    return skipped(`${where}, so there is no pod to try it with`);
  }
  if (trial.kind === 'refused') {
    const isOurs = trial.why.includes(WEBHOOK_ENTRY);
    return (isOurs ? notYet : skipped)(`a pod of ${trial.node}, for trial, was refused: ${trial.why}`);
  }
  const volumes = listOf(fieldsOf(trial.pod.spec).volumes);
  return volumes.some(({ name }) => name === VOLUME_NAME)
    ? ok(`a pod of ${trial.node}, for trial, came back with its peers`)
    : notYet(`a pod of ${trial.node}, for trial, came back without its peers`);
}

export const WEBHOOK_CHECKS: readonly CategoryCheck[] = [
  {
    when: 'after',
    id: 'webhook-configuration',
    title: 'configuration',
    looks: 'the MutatingWebhookConfiguration: there, and selecting every validator',
    hint: 'let it select the namespaces of these validators, or apply your manifests again, in your overlay: kubectl apply -k .',
    needs: ['mutatingwebhookconfigurations', 'stellarnodes', 'statefulsets', 'pods', 'namespaces'],
    evaluate: checkConfiguration,
  },
  {
    when: 'after',
    id: 'webhook-failure-policy',
    title: 'failure policy',
    looks: '`failurePolicy` of the webhook',
    hint: 'set it to Ignore, since what starts while we are down is repaired afterwards: apply your manifests again, in your overlay: kubectl apply -k .',
    needs: ['mutatingwebhookconfigurations'],
    evaluate: checkFailurePolicy,
  },
  {
    when: 'after',
    id: 'webhook-ca-bundle',
    title: 'caBundle',
    looks: 'caBundle: not empty, readable, and not about to end',
    hint: 'the replicas (or cainjector) fill it within seconds; their log says what keeps them from it: kubectl -n stellar-peers logs -l app.kubernetes.io/name=stellar-peers --prefix',
    needs: ['mutatingwebhookconfigurations'],
    evaluate: checkBundle,
  },
  {
    when: 'after',
    id: 'webhook-answers',
    title: 'answer',
    looks:
      'a pod of one validator, made for trial only (`dryRun`): the API server must have asked us and been answered',
    hint: 'the API server must reach Service stellar-peers-webhook on 443 (pods: 8443): docs/operations.md, Platforms; its own log names the error, that of a certificate too',
    needs: ['mutatingwebhookconfigurations', 'stellarnodes', 'statefulsets', 'pods', 'namespaces', 'trial'],
    evaluate: checkTrial,
  },
];
