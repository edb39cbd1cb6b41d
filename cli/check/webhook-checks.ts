/** Checks whether the API server asks us about validator pods and trusts our answer. Pure. */
import { checkBundle } from '../../certs/check.ts';
import { listOf, textOf } from '../../peers/field.ts';
import { whyNotInjected } from '../../peers/injection/successor.ts';
import { WEBHOOK_CONFIGURATION, WEBHOOK_ENTRY } from '../../peers/names.ts';
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
  if (!entryOf(facts)) return problem(NO_ENTRY);
  const failing = listOf(facts.webhookConfiguration?.webhooks).find(
    ({ failurePolicy }) => failurePolicy !== 'Ignore',
  );
  if (failing) {
    const policy = textOf(failing.failurePolicy) ?? 'Fail';
    return warning(`failurePolicy ${policy}: while we are down no validator pod can start`);
  }
  const unselected = placedOf(facts).filter(
    ({ validator, statefulSet }) =>
      statefulSet && whyNotInjected(validator, statefulSet, facts.world)?.code === 'NotSelected',
  );
  if (unselected.length === 0) return ok('it selects every validator');
  return warning(`it does not select ${some(unselected.map(({ validator }) => validator.key))}`);
}

/** The host name or address at which the API server calls this webhook. */
function hostOf({ url, service }: Entry): string | undefined {
  if (url !== undefined) return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : undefined;
  return service && `${service.name}.${service.namespace}.svc`;
}

const DAY_MS = 86_400_000;
/** A certificate is renewed after about two thirds of its life. If less than this part is left, renewal has failed. */
const LAST_PART = 0.2;

/** Checks as a replica does, but with caBundle as ca.crt, since that is what the API server trusts. */
function checkCertificate(facts: Facts): CheckVerdict {
  const { certificate, nowMs } = facts;
  const entry = entryOf(facts);
  if (!entry) return skipped(NO_ENTRY);
  if (entry.caBundle === '') return notYet('caBundle is empty, so the API server trusts no answer of ours');
  if (!certificate) return notYet('there is no certificate in its Secret');
  const host = hostOf(entry);
  const checked = checkBundle(
    { ...certificate, caPem: Buffer.from(entry.caBundle, 'base64').toString('utf8') },
    { hosts: host === undefined ? [] : [host], nowMs },
  );
  if (!checked.ok) {
    const { reason, sentence } = checked.fault;
    return (reason === 'WrongIssuer' ? notYet : problem)(`with caBundle as ca.crt: ${sentence}`);
  }
  const { notBeforeMs, notAfterMs } = checked.value;
  const ends = `it ends in ${counted(Math.floor((notAfterMs - nowMs) / DAY_MS), 'day')}`;
  const isOverdue = notAfterMs - nowMs < (notAfterMs - notBeforeMs) * LAST_PART;
  return isOverdue ? warning(`${ends}, and was not renewed`) : ok(`a CA in caBundle vouches for it; ${ends}`);
}

/** Judges by the newest pod that the API server must have asked us about. */
function checkAnswers(facts: Facts): CheckVerdict {
  const { world } = facts;
  const { webhook } = world;
  if (!webhook || !entryOf(facts)) return skipped(NO_ENTRY);
  const [newest] = placedOf(facts)
    .filter(({ validator, statefulSet }) => statefulSet && !whyNotInjected(validator, statefulSet, world))
    .flatMap(({ pods }) => pods)
    .filter(({ createdAtMs }) => createdAtMs > webhook.createdAtMs)
    .sort((a, b) => b.createdAtMs - a.createdAtMs);
  if (!newest) return skipped('no pod of a validator is newer than the webhook; the next one will show it');
  return newest.injected
    ? ok(`${newest.key}, the newest pod, was created with its peers`)
    : warning(`${newest.key}, the newest pod, was created without its peers`);
}

export const WEBHOOK_CHECKS: readonly CategoryCheck[] = [
  {
    when: 'after',
    id: 'webhook-configuration',
    title: 'configuration',
    looks:
      'the MutatingWebhookConfiguration: it exists, selects every validator, and its `failurePolicy` is Ignore',
    hint: 'let it select the namespaces of these validators, with failurePolicy Ignore; or apply your manifests again, in your overlay: kubectl apply -k .',
    needs: ['world', 'webhook'],
    evaluate: checkConfiguration,
  },
  {
    when: 'after',
    id: 'webhook-certificate',
    title: 'certificate',
    looks:
      'caBundle, and the serving certificate in its Secret: a CA in caBundle vouches for it, it has the right name, and does not expire soon',
    hint: 'the replicas (or cainjector) fill caBundle within seconds; if they do not, their log says why. docs/high-availability.md says what happens in each case',
    needs: ['world', 'certificate'],
    evaluate: checkCertificate,
  },
  {
    when: 'after',
    id: 'webhook-answers',
    title: 'answer',
    looks:
      'the newest pod of a validator that was created after the webhook configuration: it has its peers if the API server asked the webhook for it',
    hint: 'the API server must reach Service stellar-peers-webhook on 443 (pods: 8443): docs/operations.md, Platforms; the log of the API server names the error. If no replica was ready at that time, the next pod will have its peers',
    needs: ['world'],
    evaluate: checkAnswers,
  },
];
