{{- define "kibana.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (.Values.nameOverride | default .Chart.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kibana.labels" -}}
app: {{ .Chart.Name }}
release: {{ .Release.Name | quote }}
heritage: {{ .Release.Service }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "kibana.hook" -}}
"helm.sh/hook": {{ .hook }}
"helm.sh/hook-delete-policy": {{ .policy | default "hook-succeeded" }}
{{- if .weight }}
"helm.sh/hook-weight": {{ .weight | quote }}
{{- end }}
{{- end -}}
