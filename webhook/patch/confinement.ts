/**
 * The security context of the containers that we add: the main container's, without the rights that they do not need.
 */
import { type Fields, fieldsOf, textOf } from '../../peers/field.ts';
import { ANNOTATION_APP_ARMOR } from '../../peers/names.ts';
import { isAbsent } from './pod-patch.ts';

/** For a container beside the raw container `main`, in a pod with these annotations. */
export const confinementOf = (main: Fields, annotations: Fields): Fields =>
  securityContextOf(securityOf(main, annotations));

const APP_ARMOR_TYPES = new Map([
  ['runtime/default', 'RuntimeDefault'],
  ['unconfined', 'Unconfined'],
]);

/**
 * The main container's own, with the AppArmor profile that an annotation gives to it: the API server makes the field of
 * that after us, and policies then see it.
 */
function securityOf({ name, securityContext }: Fields, annotations: Fields): Fields {
  const own = fieldsOf(securityContext);
  const profile = textOf(annotations[`${ANNOTATION_APP_ARMOR}${textOf(name)}`]);
  if (profile === undefined || !isAbsent(own.appArmorProfile)) return own;
  const [, localhostProfile] = /^localhost\/(.+)$/s.exec(profile) ?? [];
  const type = localhostProfile === undefined ? APP_ARMOR_TYPES.get(profile) : 'Localhost';
  if (type === undefined) return own;
  return {
    ...own,
    appArmorProfile: { type, ...(localhostProfile === undefined ? {} : { localhostProfile }) },
  };
}

/**
 * All that the main container says, so that our container may read what the other writes, and a policy that asks
 * something of each container finds it here too; but no more rights than it needs. What the main one does not say is not
 * said here either: an OpenShift SCC refuses a seccomp profile that is named, whichever it is.
 */
function securityContextOf({ capabilities, ...own }: Fields) {
  const { drop } = fieldsOf(capabilities);
  return {
    ...Object.fromEntries(Object.entries(own).filter(([, value]) => !isAbsent(value))),
    ...(isAbsent(own.privileged) ? {} : { privileged: false }),
    ...(isAbsent(own.procMount) ? {} : { procMount: 'Default' }),
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: [...new Set([...(Array.isArray(drop) ? drop : []), 'ALL'])] },
  };
}
