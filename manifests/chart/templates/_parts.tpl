{{/* What the templates share. */}}

{{- define "stellar-peers.image" -}}
{{- $tag := printf ":%s" (.Values.image.tag | default .Chart.AppVersion) -}}
{{- $digest := printf "@%s" .Values.image.digest -}}
{{ .Values.image.repository }}{{ empty .Values.image.digest | ternary $tag $digest }}
{{- end }}

{{/* What names this release; the selectors never have these labels, since no Deployment may change its selector. */}}
{{- define "stellar-peers.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* How many replicas; `replicas` is the name that charts before this one had. */}}
{{- define "stellar-peers.replicas" -}}
{{ ternary .Values.replicas .Values.replicaCount (hasKey .Values "replicas") }}
{{- end }}

{{/* The security context of a pod. With cert-manager the files of the volume belong to a group, so that no other account may read the key; OpenShift gives that group itself. */}}
{{- define "stellar-peers.pod-context" -}}
{{- $context := .Values.podSecurityContext -}}
{{- if and $context .Values.certManager.enabled (not (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
{{- $context = merge (dict) $context (dict "fsGroup" 65532) -}}
{{- end -}}
{{- with $context }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* Of a settings value the text that it has as an environment variable: a number in a values file is a float, and would be printed as 7.776e+06. */}}
{{- define "stellar-peers.setting" -}}
{{ kindIs "string" . | ternary . (toJson .) }}
{{- end }}

{{/* The port of a setting; the default where the setting is not given, or is 0: nothing listens there then. */}}
{{- define "stellar-peers.status-port" -}}
{{ get (.Values.settings | default dict) "STATUS_PAGE_PORT" | int | default 8082 }}
{{- end }}

{{/* Further variables. Kubernetes takes the last of two with one name, and helm refuses them without saying which value is wrong. */}}
{{- define "stellar-peers.extra-env" -}}
{{- $names := keys (.Values.settings | default dict) -}}
{{- range .Values.extraEnv -}}
{{- if has .name $names }}{{ fail (printf "extraEnv: %s is there twice, or also under settings" .name) }}{{ end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- with .Values.extraEnv }}{{ toYaml . }}{{ end -}}
{{- end }}
