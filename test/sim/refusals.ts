/** The API server's refusals, with the status and the reason that the real one gives. */
import { KubeError } from '../../runtime/kube/port.ts';

const refusal =
  (status: number, reason: string, ...causes: string[]) =>
  (message: string) =>
    new KubeError(message, { status, reason, causes });

export const badRequest = refusal(400, 'BadRequest');
export const forbidden = refusal(403, 'Forbidden');
export const terminating = refusal(403, 'Forbidden', 'NamespaceTerminating');
export const notFound = refusal(404, 'NotFound');
export const alreadyExists = refusal(409, 'AlreadyExists');
export const conflict = refusal(409, 'Conflict');
export const expired = refusal(410, 'Expired');
export const invalid = refusal(422, 'Invalid');
export const internalError = refusal(500, 'InternalError');
