{{- define "elasticsearch.uname" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride }}
{{- else if .Values.nameOverride -}}{{ .Values.nameOverride }}-{{ .Values.nodeGroup }}
{{- else -}}{{ .Values.clusterName }}-{{ .Values.nodeGroup }}
{{- end -}}
{{- end -}}

{{- define "elasticsearch.masterService" -}}
{{- .Values.masterService | default (printf "%s-master" .Values.clusterName) -}}
{{- end -}}

{{- define "elasticsearch.endpoints" -}}
{{- $replicas := int .Values.replicas }}
{{- $uname := include "elasticsearch.uname" . }}
{{- range $i := until $replicas }}{{ $uname }}-{{ $i }},{{ end -}}
{{- end -}}

{{- define "elasticsearch.labels" -}}
heritage: {{ .Release.Service | quote }}
release: {{ .Release.Name | quote }}
chart: "{{ .Chart.Name }}"
app: {{ include "elasticsearch.uname" . | quote }}
{{- range $key, $value := .Values.labels }}
{{ $key }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "elasticsearch.certificate" -}}
{{- $master := include "elasticsearch.uname" . -}}
{{- $names := list $master (printf "%s.%s" $master .Release.Namespace) (printf "%s.%s.svc" $master .Release.Namespace) "localhost" -}}
{{- $authority := genCA "elasticsearch-ca" 365 -}}
{{- $signed := genSignedCert $master (list "127.0.0.1") $names 365 $authority -}}
tls.crt: {{ $signed.Cert | toString | b64enc }}
tls.key: {{ $signed.Key | toString | b64enc }}
ca.crt: {{ $authority.Cert | toString | b64enc }}
{{- end -}}
