/**
 * The security context of the containers that we add. It is that of the main container with fewer rights.
 */
import { type Fields, fieldsOf, textOf } from '../../peers/field.ts';
import { ANNOTATION_APP_ARMOR } from '../../peers/names.ts';
import { isAbsent } from './pod-patch.ts';

/** The security context for a container that we add beside the raw container `main`, in a pod with these annotations. */
export const confinementOf = (main: Fields, annotations: Fields): Fields =>
  securityContextOf(securityOf(main, annotations));

const APP_ARMOR_TYPES = new Map([
  ['runtime/default', 'RuntimeDefault'],
  ['unconfined', 'Unconfined'],
]);

/**
 * The security context of the main container. If an annotation names its AppArmor profile, adds the profile as a field:
 * the API server does the same for the main container after admission, and policies then compare the containers.
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
 * Copies the main container's fields, so that our container can read its files, and so that a policy for all containers
 * accepts ours too. Reduces the rights to those that our container needs. Adds no seccomp profile if the main container
 * names none, because an OpenShift SCC refuses a pod that names any.
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
