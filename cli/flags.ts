/** All flags of all commands: type, letter, and sentence for the help. */

export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** The placeholder for its value in the help; absent for a switch. */
  readonly value?: string;
  readonly help: string;
}

export const FLAGS = {
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NS',
    help: 'namespace of the StellarNodes',
  },
  'all-namespaces': { type: 'boolean', short: 'A', help: 'StellarNodes of all namespaces' },
  selector: {
    type: 'string',
    short: 'l',
    value: 'LABELS',
    help: "only StellarNodes with these labels, such as tier=core or 'tier in (core,edge)'",
  },
  output: { type: 'string', short: 'o', value: 'FORMAT', help: 'output format' },
  watch: { type: 'boolean', short: 'w', help: 'print the status again after each change, until Ctrl-C' },
  filename: {
    type: 'string',
    short: 'f',
    value: 'FILE',
    help: 'the manifest to preview; - for standard input',
  },
  node: {
    type: 'string',
    value: 'NAME',
    help: 'the StellarNode that the pod belongs to, if the manifest does not say',
  },
  set: {
    type: 'string',
    multiple: true,
    value: 'NAME=VALUE',
    help: 'use this setting in place of the one in force; may be given more than once',
  },
  pre: { type: 'boolean', help: 'before the install: check whether stellar-peers can be installed' },
  all: { type: 'boolean', help: 'all validators of the namespace, in place of names' },
  force: {
    type: 'boolean',
    help: 'remove the ConfigMaps although the webhook configuration or the Deployment is still there',
  },
  client: { type: 'boolean', help: 'print only the version of this command, and ask no cluster' },
  yes: { type: 'boolean', short: 'y', help: 'make the change without asking first' },
  context: { type: 'string', value: 'NAME', help: 'context of the kubeconfig' },
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    help: "kubeconfig to use instead of KUBECONFIG, ~/.kube/config or the pod's own ServiceAccount",
  },
  cluster: { type: 'string', value: 'NAME', help: 'cluster of the kubeconfig' },
  user: { type: 'string', value: 'NAME', help: 'user of the kubeconfig' },
  server: { type: 'string', value: 'URL', help: "address of the API server, in place of the cluster's" },
  as: { type: 'string', value: 'NAME', help: 'user to impersonate' },
  'request-timeout': {
    type: 'string',
    value: 'TIME',
    help: 'longest time for one request, such as 5s or 1m; 0 for no limit; 15s by default',
  },
  'install-namespace': {
    type: 'string',
    value: 'NS',
    help: 'namespace in which stellar-peers is installed; stellar-peers by default',
  },
  help: { type: 'boolean', short: 'h', help: 'print this help' },
  version: { type: 'boolean', help: 'print the version' },
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof FLAGS;

/** The values of the given flags: a text, a list of texts for a flag that may be repeated, or true for a switch. */
export type FlagValues = {
  readonly [Name in FlagName]?:
    | ((typeof FLAGS)[Name] extends { multiple: true }
        ? readonly string[]
        : (typeof FLAGS)[Name] extends { type: 'string' }
          ? string
          : boolean)
    | undefined;
};

/** The flags of all commands that ask a cluster. */
export const CLUSTER_FLAGS = [
  ...(['context', 'kubeconfig', 'cluster', 'user', 'server', 'as', 'request-timeout'] as const),
  'install-namespace',
] as const;
