# docker build --build-arg COMMIT="$(git rev-parse --short=7 HEAD)" --tag vabus-data-handler .
# From the sources; with `--build-arg SOURCE=release` from the release in dist/release, whose checksums are compared.
FROM denoland/deno:2.9.6 AS build
WORKDIR /src
COPY . .
ARG SOURCE=tree
ARG COMMIT=unknown
RUN mkdir -p /out && mkdir -m 700 /out/state \
  && case "$SOURCE" in \
  tree) \
  export VABUS_COMMIT="$COMMIT" \
  && deno run --allow-all scripts/build.ts --form compiled --output /out/vabus-data-handler \
  && deno run --allow-all scripts/sbom.ts >/out/sbom.cdx.json \
  ;; \
  release) \
  file="vabus-data-handler-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')" \
  && cd dist/release \
  && grep --extended-regexp "  ($file|sbom\.cdx\.json)$" SHA256SUMS | sha256sum --check --strict \
  && install -m 755 "$file" /out/vabus-data-handler \
  && install -m 644 sbom.cdx.json /out \
  ;; \
  *) echo "SOURCE is $SOURCE. It is tree or release." >&2; exit 2 ;; \
  esac

# glibc and certificates, no shell; user 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="VaBus Data Handler" \
  org.opencontainers.image.description="Aggregates the numeric events of a site's bus" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.revision="$COMMIT" \
  org.opencontainers.image.source="https://github.com/vabus/vabus-data-handler" \
  org.opencontainers.image.documentation="https://github.com/vabus/vabus-data-handler/blob/main/docs/operations.md" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /out/vabus-data-handler /vabus-data-handler
COPY --from=build /out/sbom.cdx.json /usr/share/doc/vabus-data-handler/sbom.cdx.json
COPY --from=build --chown=65532:65532 /out/state /var/lib/vabus-data-handler
# The admin listener is for the container's network; publish it only to those who may see the metrics.
ENV STATE_DIR=/var/lib/vabus-data-handler \
  HTTP_LISTEN=0.0.0.0:8090 \
  LOG_FORMAT=json
USER 65532:65532
VOLUME /var/lib/vabus-data-handler
EXPOSE 8090
# At SIGTERM it delivers what it has for up to 10 s: `docker stop -t 20`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["/vabus-data-handler", "health"]
ENTRYPOINT ["/vabus-data-handler"]
CMD ["run"]
