/**
 * Odd pods as files, each with the answer of admission in a file beside it. UPDATE_GOLDEN=1 writes the answers again.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { Fields } from '../../peers/field.ts';
import { MERGE_SCRIPT } from '../../peers/injection/merge-script.ts';
import { RELOAD_SCRIPT } from '../../peers/injection/reload-script.ts';
import { PendingReviews } from '../../webhook/hold/pending-reviews.ts';
import { applied } from '../../webhook/patch/applied.ts';
import { MERGE_DEFAULTS } from '../../webhook/review/admit.ts';
import { mutate } from '../../webhook/review/mutate.ts';
import { readReview } from '../../webhook/review/review.ts';
import { TriedPods } from '../../webhook/review/tried-pods.ts';
import { FakeClock } from '../unit/webhook/fake-clock.ts';
import { assertInjected, assertUntouched } from '../unit/webhook/untouched.ts';
import { Village } from '../unit/webhook/village.ts';

const FOLDER = new URL('./admission/', import.meta.url);
const INPUT = '.input.yaml';

/** A network at rest, of the validator whose pod it is and two others. */
async function admission(name: string) {
  const clock = new FakeClock();
  const memberships = new Village(clock);
  for (const validator of new Set([name, 'validator-2', 'validator-3'])) memberships.join(validator);
  memberships.publish();
  await clock.pass(3_600_000);
  const holds = new PendingReviews({ memberships, clock });
  const ours = { ownNamespace: 'stellar-peers', merging: MERGE_DEFAULTS };
  const edges = { ...ours, memberships, holds, tried: new TriedPods(clock) };
  return (pod: Fields) => {
    const kind = { group: '', version: 'v1', kind: 'Pod' };
    const request = { uid: 'u', kind, operation: 'CREATE', namespace: 'stellar', object: pod };
    const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
    return mutate(readReview(JSON.stringify(body)), edges);
  };
}

/** The scripts are held by their own tests: here they are only named. */
const withoutScript = <T>(answer: T): T =>
  JSON.parse(
    JSON.stringify(answer)
      .replaceAll(JSON.stringify(MERGE_SCRIPT), '"<MERGE_SCRIPT>"')
      .replaceAll(JSON.stringify(RELOAD_SCRIPT), '"<RELOAD_SCRIPT>"'),
  );

for (const file of readdirSync(FOLDER).filter((entry) => entry.endsWith(INPUT))) {
  const title = file.slice(0, -INPUT.length);
  test(`admission of ${title}`, async () => {
    const pod = parse(readFileSync(new URL(file, FOLDER), 'utf8'));
    const node = pod.metadata.labels['app.kubernetes.io/instance'] ?? 'validator-1';
    const admit = await admission(node);
    const { result, warnings, operations } = await admit(pod);
    const answer = withoutScript({ result, warnings, patch: operations });
    const golden = new URL(`${title}.patch.json`, FOLDER);
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, `${JSON.stringify(answer, null, 2)}\n`);
    assert.deepEqual(answer, JSON.parse(readFileSync(golden, 'utf8')));
    const output = applied(pod, operations);
    assertUntouched(pod, output);
    if (result === 'patched') assertInjected(output, node);
    assert.deepEqual((await admit(output)).operations, [], 'a second admission has nothing to add');
  });
}
