/**
 * The types of the facts by which the checks decide: the data that was read, and the sources that could not be read.
 */

import type { Issued } from '../../certs/source.ts';
import type { Fields } from '../../peers/field.ts';
import type { Key } from '../../peers/world.ts';
import type { ClusterSnapshot } from '../snapshot.ts';

/** A part of the cluster that is read separately, and that the caller may have no right to read. */
export type FactSource =
  | 'version'
  | 'crd'
  | 'deployment'
  | 'policies'
  | 'lease'
  | 'webhook'
  | 'certificate'
  | 'templates'
  | 'networkPolicies'
  | 'services'
  /** What the leader watches: `world` and `discovery`. */
  | 'world';

/** A manager, other than the operator and us, that writes the template of one StatefulSet. */
export interface TemplateOwner {
  readonly statefulSet: Key;
  readonly manager: string;
}

/** `settings` are those of the Deployment, if they can be read, overridden by `--set`. */
export interface Facts extends ClusterSnapshot {
  readonly when: 'before' | 'after';
  readonly commandVersion: string;
  /** The sources that were not read, each with the reason. Their fields are empty, and no check may use these fields. */
  readonly unread: ReadonlyMap<FactSource, string>;
  readonly serverVersion: string;
  readonly crd: Fields | undefined;
  readonly deployment: Fields | undefined;
  readonly policies: readonly Fields[];
  readonly policyBindings: readonly Fields[];
  readonly lease: Fields | undefined;
  /** Our MutatingWebhookConfiguration in full, since the World does not keep its failure policy. */
  readonly webhookConfiguration: Fields | undefined;
  readonly certificate: Issued | undefined;
  /** Managers beside the operator that own containers of a StatefulSet's template. */
  readonly templateOwners: readonly TemplateOwner[];
  readonly networkPolicies: readonly Fields[];
  /** Services in full, since the World does not keep their ports. */
  readonly services: readonly Fields[];
}
