/**
 * What `stellar-peers --help` prints.
 */
export const USAGE = `stellar-peers: makes the Stellar validators of a cluster know each other

Usage
  stellar-peers [run]                 run one replica (webhook and reconciler); settings come from the environment
  stellar-peers status                validators, what they know, and what waits and why
  stellar-peers rollout plan          which restarts are wanted, in which order, for how long; restarts nobody
  stellar-peers adopt NAME… -n NS     let pods that are older than the webhook be restarted, one at a time
  stellar-peers preview -f POD.yaml   what admission would do to a pod or StatefulSet, without a cluster
  stellar-peers --help | --version

Options
  -f, --filename FILE     the manifest to preview; - for standard input
      --node NAME         the StellarNode that the pod belongs to, if the manifest does not say
  -n, --namespace NS  namespace of the StellarNodes to adopt
      --all           adopt all validators of the namespace
  -y, --yes           do not ask
      --set NAME=VAL  plan with this setting instead of the environment's; may be given more than once
      --context NAME      context of the kubeconfig
      --kubeconfig FILE   kubeconfig to use instead of KUBECONFIG or the pod's own ServiceAccount

Exit status
  0 all well · 1 a problem was found · 2 wrong usage or settings · 3 the cluster could not be reached
`;
