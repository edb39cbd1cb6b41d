/** The types of the conformance checks: a check, and the cluster that it runs against. */
import type { Kube } from '../../runtime/kube/port.ts';

/** A cluster that the checks run against, simulated or real. */
export interface Conformant {
  readonly kube: Kube;
  /** Creates an empty namespace, and returns its name. */
  namespace(): Promise<string>;
  /** Makes a pod Ready that does not become Ready by itself (READY_HINT is `never`). */
  makeReady(pod: PodName): Promise<void>;
  makeNotReady(pod: PodName): Promise<void>;
  /** Waits until the predicate returns a truthy value, and returns the value. If it throws, calls it again later. */
  until<T>(describe: string, predicate: () => T | Promise<T>): Promise<NonNullable<T>>;
  /** Waits, so that an unwanted effect has time to happen. */
  pass(ms: number): Promise<void>;
  /** Compacts the history, so that no watch can begin at resourceVersion 1 any more. */
  compact(): void;
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
