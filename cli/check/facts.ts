/**
 * What the checks are decided on: the cluster as it was read once, and what of it could not be read. Owns the shapes.
 */

import type { Settings } from '../../app/settings.ts';
import type { Discovery } from '../../peers/discovery/discover.ts';
import type { Fields } from '../../peers/field.ts';
import type { Key, World } from '../../peers/world.ts';
import type { Right } from './rights.ts';

/** Something that is read by itself, and may be kept from the caller. */
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

/** The kinds that a World is made of, by their plural. */
export type WorldSource =
  | 'stellarnodes'
  | 'statefulsets'
  | 'pods'
  | 'poddisruptionbudgets'
  | 'services'
  | 'namespaces'
  | 'configmaps'
  | 'mutatingwebhookconfigurations';

/** A pod that the API server was asked to make for trial: what admission made of it, or why it was not asked. */
export type Trial =
  | { readonly kind: 'answered'; readonly node: string; readonly pod: Fields }
  | { readonly kind: 'refused'; readonly node: string; readonly why: string }
  | { readonly kind: 'none' };

/** Another writer of the template of one StatefulSet. */
export interface TemplateOwner {
  readonly statefulSet: Key;
  readonly manager: string;
}

export interface Facts {
  readonly when: 'before' | 'after';
  /** Those in force: of the Deployment, where it says them, and `--set` over them. */
  readonly settings: Settings;
  /** Why the Deployment's own settings cannot be used; undefined where they can. */
  readonly settingsProblem: string | undefined;
  readonly commandVersion: string;
  /** By the API server's clock, ms since the epoch. */
  readonly nowMs: number;
  /** What was not read, and why. Fields of such a source are empty, and no check may look at them. */
  readonly unread: ReadonlyMap<FactSource, string>;
  /** As the API server says it, `v1.37.0`. */
  readonly serverVersion: string;
  readonly crd: Fields | undefined;
  /** Rights that our ServiceAccount should have, and lacks. */
  readonly accountRightsMissing: readonly Right[];
  readonly deployment: Fields | undefined;
  readonly policies: readonly Fields[];
  readonly policyBindings: readonly Fields[];
  readonly lease: Fields | undefined;
  /** The serving certificate as PEM; undefined where there is none. */
  readonly certificatePem: string | undefined;
  readonly trial: Trial;
  readonly networkPolicies: readonly Fields[];
  /** Our MutatingWebhookConfiguration, of which the World has no failure policy. */
  readonly webhookConfiguration: Fields | undefined;
  /** Services with their ports. */
  readonly services: readonly Fields[];
  /** Managers beside the operator that own containers of a StatefulSet's template. */
  readonly templateOwners: readonly TemplateOwner[];
  readonly world: World;
  readonly discovery: Discovery;
}
