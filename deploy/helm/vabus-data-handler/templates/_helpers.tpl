{{- define "handler.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "handler.labels" -}}
{{ include "handler.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* How many pods run. */}}
{{- define "handler.replicas" -}}
{{ .Values.replicas | default .Values.instances }}
{{- end }}

{{- /* HTTPS where the admin listener has a certificate. */}}
{{- define "handler.scheme" -}}
{{ if or .Values.settings.HTTP_CERT_FILE .Values.secrets.HTTP_CERT_FILE }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{- /* What a probe asks, of a list: the root, and the path. */}}
{{- define "handler.asked" -}}
path: {{ index . 1 }}
port: admin
{{- if eq (include "handler.scheme" (index . 0)) "HTTPS" }}
scheme: HTTPS
{{- end }}
{{- end }}

{{- /* The variable that tells where the file of a Secret is. */}}
{{- define "handler.fileVariable" -}}
{{ if regexMatch "_(FILE|CERTIFICATE)$" . }}{{ . }}{{ else }}{{ . }}_FILE{{ end }}
{{- end }}

{{- /* What a schema cannot say. */}}
{{- define "handler.check" -}}
{{- $given := merge (dict) .Values.settings .Values.secrets }}
{{- if not (or $given.VABUS_URL $given.DEFAULT_VABUS_URL) }}
{{- fail "settings.VABUS_URL is missing: the bus, such as --set settings.VABUS_URL=http://bus:8000" }}
{{- end }}
{{- range $name, $_ := .Values.secrets }}
{{- if hasKey $.Values.settings $name }}
{{- fail (printf "%s is both in settings and in secrets: leave one of them out" $name) }}
{{- end }}
{{- end }}
{{- if lt (int (include "handler.replicas" .)) (int .Values.instances) }}
{{- fail (printf "replicas is %v, and instances %v: nobody would read the partitions of the instances that do not run. Leave replicas out, or lower instances first" .Values.replicas .Values.instances) }}
{{- end }}
{{- end }}
