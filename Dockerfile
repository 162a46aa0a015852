# The same root filesystem as `make image` writes without Docker (docs/image.md):
#
#     docker build -t tasks10-ml-api:metrics .
#     docker run --rm -p 8000:8000 tasks10-ml-api:metrics
#
# --build-arg REVISION=$(git rev-parse HEAD) --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
# say which commit it is.

FROM debian:bookworm-slim AS builder
WORKDIR /rowan
RUN apt-get update -qq && apt-get install -qq --no-install-recommends make
# Debian's packages, librdkafka and libcurl change less often than the sources do.
COPY Makefile ./
COPY scripts/packages.sh scripts/
RUN make packages-image
COPY scripts/fetch.sh scripts/third-party scripts/
COPY image/flags.sh image/build-librdkafka.sh image/librdkafka-coordinator.patch image/build-curl.sh image/
RUN image/build-librdkafka.sh && image/build-curl.sh
COPY meson.build meson_options.txt ./
COPY include include
COPY conf conf
COPY src src
COPY load-testing load-testing
COPY tests tests
COPY bench bench
COPY scripts scripts
COPY image/build-programs.sh image/program.c image/
RUN image/build-programs.sh build/image
COPY . .
ARG SOURCE_DATE_EPOCH=0
RUN make image-folders

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Rowan" \
      org.opencontainers.image.description="Scores card transactions for fraud" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION"
# A layer each, those that change least first.
COPY --from=builder /rowan/build/image/root/system/ /
COPY --from=builder --chown=65532:65532 /rowan/build/image/root/user/run/rowan /run/rowan
COPY --from=builder /rowan/build/image/root/programs/ /
COPY --from=builder /rowan/build/image/root/share/ /
COPY --from=builder /rowan/build/image/root/model/ /
ENV PATH=/usr/bin \
    API_HOST=0.0.0.0 \
    API_PORT=8000 \
    ENVIRONMENT=production \
    MODEL_DIR=/models/fraud \
    RUNTIME_DIR=/run/rowan \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /run/rowan
EXPOSE 8000
# nginx finishes its requests at SIGQUIT; SIGTERM cuts them.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/usr/bin/rowan", "serve"]
