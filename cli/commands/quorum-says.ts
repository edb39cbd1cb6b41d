/**
 * Says for each validator whether its quorum sets can bear its restart. For commands that plan or release restarts. Pure.
 */

import { rolloutSettings } from '../../app/settings.ts';
import type { Key } from '../../peers/world.ts';
import { fragileVerdict } from '../../reconciler/plan/quorum/core-says.ts';
import { QuorumMargins } from '../../reconciler/plan/quorum/quorum-margin.ts';
import { quorumVerdict, quorumWords } from '../../reconciler/plan/quorum/quorum-verdict.ts';
import type { ClusterSnapshot } from '../snapshot.ts';

/** For each of these validators, in words: what a restart now would mean for the quorum sets. */
export function quorumTexts(keys: readonly Key[], snapshot: ClusterSnapshot): Map<Key, string> {
  const { world, settings } = snapshot;
  const restartSettings = rolloutSettings(settings);
  const marginsByNetwork = new Map<string, QuorumMargins>();
  const texts = new Map<Key, string>();
  for (const key of keys) {
    const reading = world.nodes.get(key);
    if (reading?.kind !== 'validator') continue;
    const { validator } = reading;
    const { id } = validator.network;
    const margins = marginsByNetwork.get(id) ?? new QuorumMargins(id, snapshot);
    marginsByNetwork.set(id, margins);
    const margin = margins.of(validator);
    const verdict = quorumVerdict(validator, margin, world, restartSettings);
    const fragile = verdict.hold ? {} : fragileVerdict(validator, { ...snapshot, settings: restartSettings });
    texts.set(key, quorumWords({ ...verdict, ...fragile }, margin));
  }
  return texts;
}

/** The texts of `quorumTexts` as indented lines, one for each validator. */
export const quorumLines = (texts: ReadonlyMap<Key, string>): string[] =>
  [...texts].map(([key, words]) => `  quorum of ${key}: ${words}`);
