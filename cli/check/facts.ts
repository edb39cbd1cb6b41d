/**
 * The types of the facts by which the checks decide: the data that was read, and the sources that could not be read.
 */

import type { Settings } from '../../app/settings.ts';
import type { Discovery } from '../../peers/discovery/discover.ts';
import type { Fields } from '../../peers/field.ts';
import type { Key, World } from '../../peers/world.ts';
import type { Right } from './rights.ts';

/** A part of the cluster that is read separately, and that the caller may have no right to read. */
export type FactSource =
  | 'version'
  | 'crd'
  | 'accountRights'
  | 'deployment'
  | 'policies'
  | 'lease'
  | 'certificate'
  | 'trial'
  | 'networkPolicies'
  | WorldSource;

/** The kinds of objects in a World, by their plural names. */
export const WORLD_SOURCES = [
  'stellarnodes',
  'statefulsets',
  'pods',
  'poddisruptionbudgets',
  'services',
  'namespaces',
  'configmaps',
  'mutatingwebhookconfigurations',
] as const;
export type WorldSource = (typeof WORLD_SOURCES)[number];

/**
 * The outcome of the trial: a pod of validator `node`, created as a dry run. `answered`: the pod as admission changed it.
 * `refused`: the API server refused the pod; `why` is its message. `none`: there was no validator to try.
 */
export type Trial =
  | { readonly kind: 'answered'; readonly node: string; readonly pod: Fields }
  | { readonly kind: 'refused'; readonly node: string; readonly why: string }
  | { readonly kind: 'none' };

/** A manager, other than the operator and us, that writes the template of one StatefulSet. */
export interface TemplateOwner {
  readonly statefulSet: Key;
  readonly manager: string;
}

export interface Facts {
  readonly when: 'before' | 'after';
  /** The settings in force: those of the Deployment, if they can be read, overridden by `--set`. */
  readonly settings: Settings;
  /** Why the Deployment's own settings cannot be used; undefined if they can. */
  readonly settingsProblem: string | undefined;
  readonly commandVersion: string;
  /** By the API server's clock, ms since the epoch. */
  readonly nowMs: number;
  /** The sources that were not read, each with the reason. Their fields are empty, and no check may use these fields. */
  readonly unread: ReadonlyMap<FactSource, string>;
  /** The version of the API server, such as `v1.37.0`. */
  readonly serverVersion: string;
  readonly crd: Fields | undefined;
  /** The rights that our ServiceAccount should have but does not have. */
  readonly accountRightsMissing: readonly Right[];
  readonly deployment: Fields | undefined;
  readonly policies: readonly Fields[];
  readonly policyBindings: readonly Fields[];
  readonly lease: Fields | undefined;
  /** The serving certificate as PEM; undefined where there is none. */
  readonly certificatePem: string | undefined;
  readonly trial: Trial;
  readonly networkPolicies: readonly Fields[];
  /** Our MutatingWebhookConfiguration in full, since the World does not keep its failure policy. */
  readonly webhookConfiguration: Fields | undefined;
  /** All Services in full, since the World does not keep their selectors and ports. */
  readonly services: readonly Fields[];
  /** Managers beside the operator that own containers of a StatefulSet's template. */
  readonly templateOwners: readonly TemplateOwner[];
  readonly world: World;
  readonly discovery: Discovery;
}
