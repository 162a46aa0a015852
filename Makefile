# Rowan. `make run` and `make test` are all that a newcomer needs.

BUILD       ?= build
BUILD_ASAN  ?= build-asan
BUILD_COVER ?= build-coverage
BUILD_ARM64 ?= build-arm64
# Of one target, in `make test` too.
FUZZ_SECONDS ?= 15

BUILD_PACKAGES = gcc libc6-dev meson ninja-build pkg-config libxxhash-dev libprotobuf-c-dev libssl-dev \
    librdkafka-dev libjemalloc-dev libcurl4-openssl-dev libexpat1-dev libyaml-dev protobuf-c-compiler libonnx-dev python3 python3-pip \
    python3-venv ca-certificates
# cargo and npm are the clients of two registries (scripts/fetch.sh); a newer one of the user's will do.
NPM = $(if $(shell command -v npm),,npm)
SERVE_PACKAGES = nginx-light nginx-dev libpcre2-dev zlib1g-dev $(NPM)
# openjdk: Spark runs in tests of the export, and Kafka (jars by maven). prometheus: promtool, and scrapes in tests.
TEST_PACKAGES  = libcmocka-dev clang libclang-rt-14-dev llvm curl openssl openjdk-17-jre-headless maven prometheus \
    prometheus-alertmanager prometheus-pushgateway chromium fonts-dejavu-core
BENCH_PACKAGES = wrk
IMAGE_PACKAGES = gcc libc6-dev make patch binutils meson ninja-build pkg-config libxxhash-dev libprotobuf-c-dev \
    protobuf-c-compiler libonnx-dev libssl-dev libjemalloc-dev libzstd-dev libpcre2-dev zlib1g-dev \
    cmake libexpat1-dev libyaml-dev \
    python3 python3-pip python3-venv python3-setuptools ca-certificates $(if $(shell command -v cargo),,cargo-web) $(NPM)
# What the node itself needs is unpacked, not installed: tests/cluster/debian.py.
CLUSTER_PACKAGES = git iproute2 openssl

setup-asan = [ -f $(BUILD_ASAN)/build.ninja ] || meson setup $(BUILD_ASAN) \
    --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false >/dev/null

.DEFAULT_GOAL := help
.PHONY: help run build module test test-asan test-asan-nginx test-arm64 coverage fuzz model bench bench-http bench-flood bench-engine \
    bench-metrics bench-kafka bench-scaling docs-metrics docs-settings docs-alerts docs-dashboard docs-screenshots docs-graphs \
    test-manifests test-monitoring demo-retrain image image-folders \
    test-image test-cluster rehearsal rehearsal-quick format lint clean packages-build packages-serve packages-test packages-bench packages-image \
    packages-cluster

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: module ## build, then serve models/fraud (or MODEL_DIR) with nginx; Ctrl-C stops it
	@ROWAN_BUILD_DIR=$(BUILD) bin/rowan-run

build: packages-build ## librowan and the command line tool
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet

module: build packages-serve ## the nginx module and the pages it serves
	@src/nginx/build.sh $(BUILD)
	@sh scripts/assemble-share.sh $(BUILD)

test: module packages-test ## every test
	@meson setup $(BUILD) --reconfigure >/dev/null
	@ROWAN_BUILD_DIR=$(abspath $(BUILD)) python3 tests/run.py --fuzz-seconds $(FUZZ_SECONDS)

image: packages-image ## build/image/rowan.oci.tar, the container image, without Docker
	@image/build.sh

image-folders: packages-image # for the Dockerfile: build/image/root, a folder a layer
	@image/build.sh --folders

test-image: image packages-test-image ## the image: built twice, and by Docker; run, read-only, drained, measured
	@venv=$$(scripts/venv.sh tests/requirements.txt) && \
	    "$$venv/bin/python" -m pytest -q --tb=short -rA tests/image

test-asan: packages-build packages-test ## the C tests under AddressSanitizer and UBSan
	@$(setup-asan)
	@ninja -C $(BUILD_ASAN) --quiet
	@meson test -C $(BUILD_ASAN) --print-errorlogs

test-asan-nginx: packages-build packages-serve packages-test ## tests/http, the nginx module under both too
	@$(setup-asan)
	@scripts/test-asan-nginx.sh $(BUILD_ASAN) $(ARGS)

test-arm64: packages-build packages-test ## the kernels on 64-bit ARM, under QEMU
	@scripts/test-arm64.sh $(BUILD_ARM64)

test-manifests: module packages-test ## argocd/: kustomize, schemas, policies, a real API server
	@venv=$$(scripts/venv.sh tests/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" -m pytest -q tests/manifests $(ARGS)

test-monitoring: module packages-test ## monitoring/ and the live page: rules, messages, dashboard, browser
	@venv=$$(scripts/venv.sh tests/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" -m pytest -q tests/monitoring tests/page $(ARGS)

test-cluster: image build packages-test packages-cluster ## the image and argocd/ on a real node of Kubernetes (root); KEEP=1 leaves it up
	@venv=$$(scripts/venv.sh tests/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" tests/cluster/run.py $(ARGS)

rehearsal: image build packages-test packages-bench packages-cluster ## attack, flood and faults on a real node (root); writes docs/rehearsal.md
	@venv=$$(scripts/venv.sh tests/requirements.txt tests/rehearsal/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" tests/rehearsal/run.py $(ARGS)

rehearsal-quick: ## the same with short windows, about 20 minutes; docs/ stays as it is
	@$(MAKE) --no-print-directory rehearsal ARGS="--quick $(ARGS)"

demo-retrain: module packages-test ## the model renews itself: DAG, MLflow, rowan-sync, three replicas under load; PASS or FAIL
	@venv=$$(scripts/venv.sh tests/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" tests/demo/retrain.py

coverage: packages-build packages-test ## line coverage of the C tests
	@scripts/packages.sh gcovr
	@[ -f $(BUILD_COVER)/build.ninja ] || meson setup $(BUILD_COVER) --buildtype=debug \
	    -Db_coverage=true >/dev/null
	@meson test -C $(BUILD_COVER) --print-errorlogs
	@gcovr --root . --filter src/ --print-summary $(BUILD_COVER)

fuzz: packages-build packages-test build ## each parser of outside bytes, FUZZ_SECONDS long
	@bash tests/fuzz/run.sh $(BUILD) $(FUZZ_SECONDS)

model: packages-build ## train models/fraud again: the same bytes
	@venv=$$(scripts/venv.sh requirements.txt) && \
	    PYTHONPATH=training "$$venv/bin/python" -m rowan_training default-model --out models/fraud

bench: bench-engine bench-http ## both benchmarks

bench-http: module packages-bench ## /predict against `return 200` of the same nginx
	@ROWAN_BUILD_DIR=$(BUILD) python3 bench/serving.py

bench-flood: module packages-bench ## real clients while others flood the server; ARGS=--quick
	@ROWAN_BUILD_DIR=$(BUILD) python3 bench/flood.py $(ARGS)

bench-engine: build ## the engine beside its peers; ARGS=--quick for a short run
	@venv=$$(scripts/venv.sh bench/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(BUILD) "$$venv/bin/python" bench/engine.py $(ARGS)

bench-metrics: build ## what metrics cost: of a request, and of a scrape
	@dir=$$(mktemp -d /dev/shm/rowan-bench.XXXXXX) && $(BUILD)/bench/metrics_native "$$dir"; \
	    status=$$?; rm -rf "$$dir"; exit $$status

bench-kafka: build packages-test ## rowan-stream beside a bare copy and Python loops; ARGS=--quick
	@venv=$$(scripts/venv.sh bench/requirements-kafka.txt) && \
	    ROWAN_BUILD_DIR=$(BUILD) "$$venv/bin/python" bench/stream.py $(ARGS)

bench-scaling: module packages-test packages-bench ## 1-6 replicas with a share of a CPU, 1-24 partitions (root); writes docs/capacity.md
	@venv=$$(scripts/venv.sh bench/requirements-scaling.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" bench/scaling.py $(ARGS)

docs-metrics: build ## the table of docs/metrics.md, from the list of metrics
	@scripts/docs-table.sh docs/metrics.md metrics $(BUILD)/src/cli/rowan metrics --list

docs-settings: build ## the tables of settings in docs/, and .env.example, from the programs
	@scripts/docs-table.sh docs/kafka.md settings $(BUILD)/src/stream/rowan-stream --list-settings
	@scripts/docs-table.sh docs/sync.md settings $(BUILD)/src/sync/rowan-sync --list-settings
	@scripts/docs-table.sh docs/http.md settings $(BUILD)/src/cli/rowan serve --list-settings
	@scripts/env-example.sh $(BUILD) > .env.example.new && mv .env.example.new .env.example

docs-screenshots: module packages-test ## the pictures of the live page in docs/images, under traffic
	@venv=$$(scripts/venv.sh tests/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" tests/page/screenshots.py docs/images

docs-graphs: module packages-test ## docs/images/prometheus-*.png: Prometheus beside the service under traffic
	@venv=$$(scripts/venv.sh tests/requirements.txt) && \
	    ROWAN_BUILD_DIR=$(abspath $(BUILD)) "$$venv/bin/python" tests/monitoring/graphs.py

docs-alerts: packages-test ## what is made of monitoring/: PrometheusRule, compose's Alertmanager, tables
	@scripts/prometheusrule.sh monitoring/alerts/ml-recording-rules.yaml \
	    monitoring/alerts/ml-alerts.yaml > argocd/manifests/prometheusrule.yaml
	@scripts/compose-alertmanager.sh monitoring/alertmanager/alertmanager.yml > compose/alertmanager.yml
	@scripts/docs-alerts.sh

docs-dashboard: ## the dashboard, from monitoring/dashboards/make.py and the thresholds of the alerts
	@venv=$$(scripts/venv.sh tests/requirements.txt) && cd monitoring/dashboards && \
	    "$$venv/bin/python" make.py > made.new && mv made.new ml-model-dashboard.json

format: ## clang-format on the C sources
	@scripts/packages.sh clang-format
	@git ls-files '*.c' '*.h' | grep -v '^src/nginx/' | xargs clang-format -i

lint: build ## clang-tidy and clang-format, warnings are errors
	@scripts/packages.sh clang-format clang-tidy
	@git ls-files '*.c' '*.h' | grep -v '^src/nginx/' | xargs clang-format --dry-run -Werror
	@git ls-files 'src/*.c' 'load-testing/*.c' | grep -v '^src/nginx/' | xargs clang-tidy --quiet -p $(BUILD)

clean: ## remove what was built
	@rm -rf $(BUILD) $(BUILD_ASAN) $(BUILD_COVER) $(BUILD_ARM64)

packages-build:
	@scripts/packages.sh $(BUILD_PACKAGES)
packages-serve:
	@scripts/packages.sh $(SERVE_PACKAGES)
packages-test:
	@scripts/packages.sh $(TEST_PACKAGES)
packages-image:
	@scripts/packages.sh $(IMAGE_PACKAGES)
packages-test-image:
	@scripts/packages.sh docker.io debootstrap skopeo curl prometheus
packages-bench:
	@scripts/packages.sh $(BENCH_PACKAGES)
packages-cluster:
	@scripts/packages.sh $(CLUSTER_PACKAGES)
