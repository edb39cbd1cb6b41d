/** What the conformance checks ask of a cluster, and what a check is. */
import type { Kube } from '../../runtime/kube/port.ts';

/** A cluster under the checks: a simulated one, or a real one. */
export interface Conformant {
  readonly kube: Kube;
  /** Creates a namespace that nothing is in yet, and returns its name. */
  namespace(): Promise<string>;
  /** For a pod that does not turn Ready by itself (READY_HINT: never). */
  makeReady(pod: PodName): Promise<void>;
  makeNotReady(pod: PodName): Promise<void>;
  /** Waits until the predicate returns something truthy, and returns that; what it throws means not yet. */
  until<T>(describe: string, predicate: () => T | Promise<T>): Promise<NonNullable<T>>;
  /** Lets the time pass in which something would have happened. */
  pass(ms: number): Promise<void>;
  /** Makes sure that no watch can begin at resourceVersion 1 any more. */
  forget(): void;
}

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

export interface Check {
  readonly name: string;
  readonly run: (cluster: Conformant) => Promise<void>;
}

export const check = (name: string, run: Check['run']): Check => ({ name, run });
