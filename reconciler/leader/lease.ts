/**
 * What the leader's Lease says, and what a replica writes into it. Any account with the right may have written
 * it, so what no replica writes is read as far as it can be believed.
 */
import { randomBytes } from 'node:crypto';
import { fieldsOf, numberOf, textOf } from '../../peers/field.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Leases, type ObjectRef } from '../../runtime/kube/resources.ts';

export interface LeaseSpec {
  readonly holderIdentity: string | undefined;
  readonly leaseDurationSeconds: number | undefined;
  readonly renewTime: string | undefined;
  readonly acquireTime: string | undefined;
  readonly leaseTransitions: number | undefined;
}

/** Who holds the Lease: a pod, and something of this start alone, since two replicas may have one name. */
export const newIdentity = (pod: string): string => `${pod}_${randomBytes(4).toString('hex')}`;

/** The pod of a holder. */
export const podOf = (holder: string): string => holder.split('_')[0] ?? '';

/** The most that LEASE_DURATION_SECONDS takes: a Lease that says more was not written by a replica. */
export const DURATION_MS_MAX = 300_000;
/** The API server takes no larger number. */
const TRANSITIONS_MAX = 2 ** 31 - 1;

/** What stands in the Lease; nothing, where there is none. */
export function leaseSpecOf(lease: KubeObject | undefined): LeaseSpec {
  const spec = fieldsOf(lease?.spec);
  return {
    holderIdentity: textOf(spec.holderIdentity),
    leaseDurationSeconds: numberOf(spec.leaseDurationSeconds),
    renewTime: textOf(spec.renewTime),
    acquireTime: textOf(spec.acquireTime),
    leaseTransitions: numberOf(spec.leaseTransitions),
  };
}

/** The spec by which `holderIdentity` holds the Lease from `nowMs` on, or goes on to. */
export function claimed(
  before: LeaseSpec,
  by: { readonly holderIdentity: string; readonly durationMs: number; readonly nowMs: number },
): LeaseSpec {
  const now = microTime(by.nowMs);
  const isRenewal = before.holderIdentity === by.holderIdentity;
  return {
    holderIdentity: by.holderIdentity,
    leaseDurationSeconds: Math.ceil(by.durationMs / 1000),
    acquireTime: isRenewal ? (before.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: countedOf(before) + (isRenewal ? 0 : 1),
  };
}

/** How often it has changed hands, with room for one more: after the last that can be counted it is taken all the same. */
const countedOf = ({ leaseTransitions = 0 }: LeaseSpec): number =>
  Math.min(Math.max(0, Math.trunc(leaseTransitions)), TRANSITIONS_MAX - 1);

/** A Lease without a holder. */
export const leaseBody = (ref: ObjectRef): KubeObject => ({
  apiVersion: Leases.apiVersion,
  kind: Leases.kind,
  metadata: { name: ref.name, namespace: ref.namespace ?? '' },
});

/** A MicroTime, as Leases carry it. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
