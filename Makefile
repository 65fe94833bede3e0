# Every target brings Deno by itself: scripts/deno.sh takes $DENO, the one on PATH, or one from npm.
runtime := scripts/deno.sh
program := dist/vabus-data-handler

.DEFAULT_GOAL := help
.PHONY: help run test test-flink test-packages sim fuzz chaos soak hunt slow mutants check bench load build dist packages package-managers servers tour clients pictures wasm fmt clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: ## runs the demo from the sources; flags of the demo in ARGS
	@$(runtime) run --allow-all src/main.ts demo $(ARGS)

test: $(if $(VABUS_BIN),,build) ## runs the tests, real servers included; paths and flags of `deno test` in ARGS
	@$(runtime) run --allow-all scripts/test.ts $(ARGS)

test-flink: $(if $(VABUS_BIN),,build) ## the job of `flink` on a real Flink, which it downloads (500 MB); FLINK_EVENTS=N; paths in ARGS
	@$(runtime) test --allow-all $(or $(ARGS),$(wildcard tests/flink/on_cluster/*.ts))

test-packages: ## deb and rpm in a Debian of its own, arm64 by qemu, the image by podman, the chart by Helm (takes root, and Go); paths in ARGS
	@$(runtime) test --allow-all $(or $(ARGS),$(addprefix tests/deploy/,package_trials.ts foreign_package.ts container_image.ts helm_chart.ts))

sim: ## plays whole runs with every fault there is, from seeds; --seeds N, --seed S, --verbose in ARGS
	@$(runtime) run --allow-all tests/sim/run.ts $(ARGS)

check: ## formatting, lint, types, the direction of imports, the documents, the words, line widths, hidden characters
	$(runtime) fmt --check
	$(runtime) run --quiet --allow-all scripts/reference.ts --check
	$(runtime) run --quiet --allow-read=. scripts/documents.ts
	$(runtime) run --quiet --allow-all scripts/words.ts
	$(runtime) lint
	$(runtime) check
	$(runtime) run --quiet --allow-all scripts/audit.ts
	$(runtime) test --quiet --allow-read=. tests/imports_test.ts tests/determinism_test.ts

bench: ## measures throughput; flags of the benchmark in ARGS
	@$(runtime) run --allow-all bench/run.ts $(ARGS)

load: $(if $(VABUS_BIN),,build) ## load on listen:// and the bus by Locust, in steps; flags of bench/load.ts in ARGS
	@$(runtime) run --allow-all bench/load.ts $(ARGS)

fuzz: ## throws hostile input at all that takes input; in ARGS: --minutes M --seed N --target NAME --inputs K
	@$(runtime) run --allow-all tests/fuzz/run.ts $(ARGS)

chaos: $(if $(VABUS_BIN),,build) ## real faults against the built program; in ARGS: --minutes M --seed N --scenario NAME
	@$(runtime) run --allow-all tests/chaos/run.ts $(ARGS)

soak: $(if $(VABUS_BIN),,build) ## the built program at full speed for long, with outages: does anything grow? --minutes M in ARGS
	@$(runtime) run --allow-all tests/soak/run.ts $(ARGS)

hunt: $(if $(VABUS_BIN),,build) ## sim, fuzz, chaos, soak and the property tests, from a random seed; in ARGS: --minutes M --seed N
	@$(runtime) run --allow-all tests/hunt/run.ts $(ARGS)

slow: ## runs the tests that drive the program against one that is slow at random moments; paths of tests in ARGS
	@$(runtime) run --allow-all tests/slow/run.ts $(ARGS)

mutants: ## changes the sources at random and shows what the fast tests miss; in ARGS: --count N --seed N --from N --file PATH[:LINE]
	@$(runtime) run --allow-all tests/mutants/run.ts $(ARGS)

build: ## makes the one executable, dist/vabus-data-handler
	@$(runtime) run --allow-all scripts/build.ts --output $(program)

packages: ## makes the packages for Linux, deb and rpm, in dist/packages; flags of scripts/packages.ts in ARGS
	@$(runtime) run --allow-all scripts/packages.ts $(ARGS)

package-managers: ## fills what Homebrew, winget and scoop want to know from dist/release, which `make dist ARGS=--all` lays out
	@$(runtime) run --allow-all scripts/package_managers.ts $(ARGS)

dist: ## lays out a release for this platform in dist/release and checks it
	@$(runtime) run --allow-all scripts/dist.ts $(ARGS)

servers: ## a real PostgreSQL and a real Kafka for the tour of docs/tour.md; in ARGS: --fresh --postgres-port N --kafka-port N
	@$(runtime) run --allow-all scripts/tour_servers.ts $(ARGS)

tour: ## prints the settings of the tour for a shell: eval "$$(make tour)"
	@$(runtime) run --quiet --allow-env --allow-read --allow-sys=uid scripts/tour_settings.ts

clients: ## builds Telegraf and the collector of OpenTelemetry for the tests that they are in, with Go, once
	@$(runtime) run --allow-all scripts/go_programs.ts

pictures: $(if $(VABUS_BIN),,build) ## takes the pictures of the README (docs/pictures) from the demo, by Chromium
	@$(runtime) run --allow-all scripts/pictures.ts

wasm: ## compiles assembly/plain_events.ts to src/codec/plain_events.wasm, by AssemblyScript
	@$(runtime) run --allow-all scripts/wasm.ts

fmt: ## formats sources and documents, writes docs/settings.md
	$(runtime) fmt
	$(runtime) run --quiet --allow-all scripts/reference.ts

clean: ## removes what was built
	rm -rf dist
