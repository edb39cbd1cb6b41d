/**
 * What `stellar-peers --help` prints.
 */
export const USAGE = `stellar-peers: makes the Stellar validators of a cluster know each other

Usage
  stellar-peers [run]                 run one replica (webhook and reconciler); settings come from the environment
  stellar-peers status                validators, what they know, and what waits and why
  stellar-peers preview -f POD.yaml   what admission would do to a pod or StatefulSet, without a cluster
  stellar-peers --help | --version

Options
  -f, --filename FILE     the manifest to preview; - for standard input
      --node NAME         the StellarNode that the pod belongs to, if the manifest does not say
      --context NAME      context of the kubeconfig
      --kubeconfig FILE   kubeconfig to use instead of KUBECONFIG or the pod's own ServiceAccount

Exit status
  0 all well · 1 a problem was found · 2 wrong usage or settings · 3 the cluster could not be reached
`;
