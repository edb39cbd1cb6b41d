{{/* What the templates share. */}}

{{- define "stellar-peers.image" -}}
{{- $tag := printf ":%s" (.Values.image.tag | default .Chart.AppVersion) -}}
{{- $digest := printf "@%s" .Values.image.digest -}}
{{ .Values.image.repository }}{{ empty .Values.image.digest | ternary $tag $digest }}
{{- end }}

{{/* Of a settings value the text that it has as an environment variable: a number in a values file is a float, and would be printed as 7.776e+06. */}}
{{- define "stellar-peers.setting" -}}
{{ kindIs "string" . | ternary . (toJson .) }}
{{- end }}
