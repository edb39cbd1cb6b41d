/** Asks the webhook, by its live configuration, whether it would inject a pod now; else a restart waits. */
import { parseJson } from '../../peers/field.ts';
import { preflightProblem, preflightReview } from '../../peers/injection/preflight-review.ts';
import { type Reason, reason } from '../../peers/reasons/reasons.ts';
import type { WebhookFacts, World } from '../../peers/world.ts';
import { newUid } from '../../runtime/clock.ts';
import { readBody } from '../../runtime/kube/body.ts';
import { answerTo } from '../../runtime/kube/request.ts';

/** The same timeout as the API server's own. */
const TIMEOUT_MS = 5_000;
/** The patch for the test pod has a few kilobytes. */
const ANSWER_BYTES_MAX = 1024 * 1024;

type Entry = WebhookFacts['entries'][number];

/** Why a new pod would not be injected now; undefined if it would. Never rejects. */
export async function preflightWebhook(world: World, ownNamespace: string): Promise<Reason | undefined> {
  if (!world.webhook) return reason('WebhookMissing');
  for (const entry of world.webhook.entries) {
    const problem = await probeEntry(entry, ownNamespace);
    if (problem !== undefined) return reason('WebhookNotAnswering', `${entry.name}: ${problem}`);
  }
  return undefined;
}

/** The URL that the API server calls: given in full, or made from the Service's name. */
function addressOf(entry: Entry): URL | undefined {
  if (entry.url !== undefined) return URL.canParse(entry.url) ? new URL(entry.url) : undefined;
  if (!entry.service) return undefined;
  const { name, namespace, port, path } = entry.service;
  return new URL(path, `https://${name}.${namespace}.svc:${port}`);
}

async function probeEntry(entry: Entry, ownNamespace: string): Promise<string | undefined> {
  const url = addressOf(entry);
  if (!url) return 'it has no address';
  if (entry.caBundle === '') return 'its caBundle is empty';
  const uid = newUid();
  const ca = Buffer.from(entry.caBundle, 'base64').toString('utf8');
  try {
    const answer = await post(url, ca, JSON.stringify(preflightReview(uid, ownNamespace)));
    return preflightProblem(parseJson(answer), uid);
  } catch (error) {
    // Leave out the advice of the message, which is for people who start Node themselves.
    return (error instanceof Error ? error.message : String(error)).split('; ')[0];
  }
}

async function post(url: URL, ca: string, body: string): Promise<string> {
  const options = {
    method: 'POST',
    ca,
    // Trust each CA in caBundle, even if the CA that signed it is missing, as the API server does.
    allowPartialTrustChain: true,
    agent: false,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  };
  return await readBody(await answerTo(url, options, body), ANSWER_BYTES_MAX);
}
