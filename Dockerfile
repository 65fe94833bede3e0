# docker build --build-arg COMMIT="$(git rev-parse --short=7 HEAD)" --tag vabus-data-handler .
FROM denoland/deno:2.9.6 AS build
WORKDIR /src
COPY . .
ARG COMMIT=unknown
RUN VABUS_COMMIT="$COMMIT" deno run --allow-all scripts/build.ts --form compiled --output /out/vabus-data-handler \
  && mkdir -m 700 /out/state

# glibc and certificates, no shell; user 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/vabus-data-handler /vabus-data-handler
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
