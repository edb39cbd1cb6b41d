/** Reads and writes the content of the leader's Lease. Others may have written it, so values are limited. */
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

/** The identity of a holder: its pod and a random text, because two replicas may have the same pod name. */
export const newIdentity = (pod: string): string => `${pod}_${randomBytes(4).toString('hex')}`;

/** The pod of a holder. */
export const podOf = (holder: string): string => holder.split('_')[0] ?? '';

/** The largest LEASE_DURATION_SECONDS that is accepted. A longer Lease was not written by a replica. */
export const DURATION_MS_MAX = 300_000;
/** The largest number that the API server accepts. */
const TRANSITIONS_MAX = 2 ** 31 - 1;

/** The spec of a Lease; empty if there is no Lease. */
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

/** The spec with which `holderIdentity` claims or renews the Lease at `nowMs`. */
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

/** How often the holder has changed. Limited to one below the maximum, so that the next claim can still count. */
const countedOf = ({ leaseTransitions = 0 }: LeaseSpec): number =>
  Math.min(Math.max(0, Math.trunc(leaseTransitions)), TRANSITIONS_MAX - 1);

/** A Lease without a holder. */
export const leaseBody = (ref: ObjectRef): KubeObject => ({
  apiVersion: Leases.apiVersion,
  kind: Leases.kind,
  metadata: { name: ref.name, namespace: ref.namespace ?? '' },
});

const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
