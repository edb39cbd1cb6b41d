/**
 * Checks whether the API server asks us about validator pods and trusts our answer: the webhook configuration, its
 * caBundle, the certificate, and a trial pod. Pure.
 */
import type { X509Certificate } from 'node:crypto';
import { chainTo } from '../../certs/chain.ts';
import { authoritiesIn, certificatesIn, isFor } from '../../certs/check.ts';
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
import { placedOf } from './validators.ts';

type Entry = WebhookFacts['entries'][number];

const entryOf = ({ world }: Facts): Entry | undefined =>
  world.webhook?.entries.find(({ name }) => name === WEBHOOK_ENTRY);
const NO_ENTRY = `there is no webhook ${WEBHOOK_ENTRY} in a MutatingWebhookConfiguration ${WEBHOOK_CONFIGURATION}`;

function checkConfiguration(facts: Facts): CheckVerdict {
  const { webhook } = facts.world;
  if (!webhook || !entryOf(facts)) return problem(NO_ENTRY);
  const placed = placedOf(facts);
  const unselected = placed.filter(
    ({ namespaceLabels, labels }) =>
      Object.keys(labels).length > 0 &&
      !webhookSelects(webhook, { namespaceLabels, labels, annotations: {} }),
  );
  if (unselected.length === 0) return ok('it selects every validator');
  return warning(`it does not select ${some(unselected.map(({ validator }) => validator.key))}`);
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

const DAY_MS = 86_400_000;
/** A certificate is renewed after about two thirds of its life. If less than this part is left, renewal has failed. */
const LAST_PART = 0.2;

/** Whether a certificate is valid now, whether its renewal is overdue, and a text that says when it begins or ends. */
function lifeOf(cert: X509Certificate, nowMs: number) {
  const [fromMs, toMs] = [cert.validFromDate.getTime(), cert.validToDate.getTime()];
  const leftMs = toMs - nowMs;
  const isEarly = nowMs < fromMs;
  const ends =
    leftMs <= 0
      ? `ended at ${cert.validToDate.toISOString()}`
      : `ends in ${counted(Math.floor(leftMs / DAY_MS), 'day')}`;
  return {
    isInvalid: leftMs <= 0 || isEarly,
    isOverdue: leftMs < (toMs - fromMs) * LAST_PART,
    text: isEarly ? `begins at ${cert.validFromDate.toISOString()}` : ends,
  };
}

function checkCaBundle(facts: Facts): CheckVerdict {
  const entry = entryOf(facts);
  if (!entry) return skipped(NO_ENTRY);
  if (entry.caBundle === '') return notYet('it is empty, so the API server trusts no answer of ours');
  const authorities = authoritiesIn(entry.caBundle);
  if (authorities.length === 0) return problem('it holds no certificate that can be read');
  const lives = authorities.map((cert) => lifeOf(cert, facts.nowMs));
  const valid = lives.filter(({ isInvalid }) => !isInvalid);
  const best = valid.find(({ isOverdue }) => !isOverdue) ?? valid[0];
  if (!best) return problem(`the CA in it ${lives[0]?.text}`);
  const found = `${counted(authorities.length, 'CA')}; ${authorities.length > 1 ? 'one ' : ''}${best.text}`;
  return best.isOverdue ? warning(found) : ok(found);
}

/** The host name or address at which the API server calls this webhook. */
function hostOf({ url, service }: Entry): string | undefined {
  if (url !== undefined) return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : undefined;
  return service && `${service.name}.${service.namespace}.svc`;
}

function checkCertificate(facts: Facts): CheckVerdict {
  const entry = entryOf(facts);
  if (!entry) return skipped(NO_ENTRY);
  const authorities = authoritiesIn(entry.caBundle);
  if (authorities.length === 0) return skipped('there is no CA in caBundle to verify it by');
  const given = certificatesIn(facts.certificatePem ?? '');
  const [leaf] = given;
  if (!leaf) return notYet('there is no certificate in its Secret');
  const [, ...above] = chainTo(given, authorities) ?? [];
  if (above.length === 0) return notYet('no CA in caBundle has signed it, or a CA that comes with it');
  const host = hostOf(entry);
  if (host !== undefined && !isFor(leaf, host))
    return problem(`it is not for ${host}, where the API server calls`);
  const between = above.slice(0, -1).map((cert) => lifeOf(cert, facts.nowMs));
  const invalid = between.find(({ isInvalid }) => isInvalid);
  if (invalid) return problem(`a CA that comes with it ${invalid.text}`);
  const { isInvalid, isOverdue, text } = lifeOf(leaf, facts.nowMs);
  if (isInvalid) return problem(`it ${text}`);
  return isOverdue
    ? warning(`it ${text}, and was not renewed`)
    : ok(`a CA in caBundle vouches for it; it ${text}`);
}

function checkTrial(facts: Facts): CheckVerdict {
  const entry = entryOf(facts);
  if (!entry) return skipped(NO_ENTRY);
  if (authoritiesIn(entry.caBundle).length === 0)
    return skipped('not tried: no answer is believed without a CA in caBundle');
  const { trial } = facts;
  if (trial.kind === 'none') {
    const whyNone =
      facts.discovery.groups.size === 0 ? 'there is no validator' : 'no validator is one that it injects';
    return skipped(`${whyNone}, so there is no pod to try it with`);
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
    looks: 'the MutatingWebhookConfiguration: it exists, and selects every validator',
    hint: 'let it select the namespaces of these validators, or apply your manifests again, in your overlay: kubectl apply -k .',
    needs: ['mutatingwebhookconfigurations', 'stellarnodes', 'statefulsets', 'pods', 'namespaces'],
    evaluate: checkConfiguration,
  },
  {
    when: 'after',
    id: 'webhook-failure-policy',
    title: 'failure policy',
    looks: '`failurePolicy` of the webhook',
    hint: 'set it to Ignore, so that pods also start while stellar-peers is down: apply your manifests again, in your overlay: kubectl apply -k .',
    needs: ['mutatingwebhookconfigurations'],
    evaluate: checkFailurePolicy,
  },
  {
    when: 'after',
    id: 'webhook-ca-bundle',
    title: 'caBundle',
    looks: 'caBundle: it is not empty, can be read, and does not expire soon',
    hint: 'the replicas (or cainjector) fill it within seconds; if they do not, their log says why: kubectl -n stellar-peers logs -l app.kubernetes.io/name=stellar-peers --prefix',
    needs: ['mutatingwebhookconfigurations'],
    evaluate: checkCaBundle,
  },
  {
    when: 'after',
    id: 'webhook-certificate',
    title: 'certificate',
    looks:
      'the serving certificate in its Secret: it is signed by a CA in caBundle, has the right name, and does not expire soon',
    hint: 'docs/high-availability.md says what happens in each case; if the Secret is deleted, a replica makes it again',
    needs: ['mutatingwebhookconfigurations', 'certificate'],
    evaluate: checkCertificate,
  },
  {
    when: 'after',
    id: 'webhook-answers',
    title: 'answer',
    looks:
      'a trial pod of one validator (`dryRun`): the API server must ask our webhook for it, and get an answer',
    hint: 'the API server must reach Service stellar-peers-webhook on 443 (pods: 8443): docs/operations.md, Platforms; the log of the API server names the error',
    needs: ['mutatingwebhookconfigurations', 'stellarnodes', 'statefulsets', 'pods', 'namespaces', 'trial'],
    evaluate: checkTrial,
  },
];
