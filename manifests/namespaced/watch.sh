#!/bin/sh
# Says for which namespaces `kubectl apply -k manifests/namespaced` installs: sh watch.sh stellar north
# It writes watched/ anew, which names them all; the namespaces must exist before it is applied.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")"
[ $# -gt 0 ] || { echo 'usage: sh watch.sh NAMESPACE…' >&2; exit 2; }
seen=' '
for namespace; do
  case $namespace in
    *[!a-z0-9-]* | -* | *- | '') echo "watch.sh: \"$namespace\" is no name of a namespace" >&2; exit 2 ;;
  esac
  case $seen in
    *" $namespace "*) echo "watch.sh: \"$namespace\" is named twice" >&2; exit 2 ;;
  esac
  seen="$seen$namespace "
done
quoted=$(printf '"%s", ' "$@")
quoted=${quoted%, }
commas=$(IFS=,; echo "$*")

cat >watched/kustomization.yaml <<END
# Written by ../watch.sh: the namespaces whose validators are looked at, in each place that names them.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources:
  - bindings.yaml
patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: stellar-peers
        namespace: stellar-peers
      spec:
        template:
          spec:
            containers:
              - name: stellar-peers
                env:
                  - name: WATCH_NAMESPACES
                    value: "$commas"
  # In place of the rights in all namespaces: the Namespace objects and the webhook configuration, which have none.
  - patch: |-
      apiVersion: rbac.authorization.k8s.io/v1
      kind: ClusterRole
      metadata:
        name: stellar-peers
      rules:
        - apiGroups: [""]
          resources: ["namespaces"]
          resourceNames: [$quoted]
          verbs: ["list", "watch"]
        - apiGroups: ["admissionregistration.k8s.io"]
          resources: ["mutatingwebhookconfigurations"]
          resourceNames: ["stellar-peers"]
          verbs: ["get", "list", "watch", "patch"]
  - target:
      kind: MutatingWebhookConfiguration
      name: stellar-peers
    patch: |-
      - op: test
        path: /webhooks/0/namespaceSelector/matchExpressions/0/key
        value: kubernetes.io/metadata.name
      - op: replace
        path: /webhooks/0/namespaceSelector/matchExpressions/0
        value: { key: kubernetes.io/metadata.name, operator: In, values: [$quoted] }
END

for namespace; do
  cat <<END
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: stellar-peers-validators
  namespace: "$namespace"
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: stellar-peers-validators
subjects:
  - kind: ServiceAccount
    name: stellar-peers
    namespace: stellar-peers
END
done >watched/bindings.yaml
