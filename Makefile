# SPDX-License-Identifier: Apache-2.0
#
# The commands of the project; CMake does the work. Every target sets up what it needs and can be run first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
PREFIX ?= /usr/local
BIN := build/release/bin

# AddressSanitizer and ThreadSanitizer of GCC 12 expect their shadow memory where a kernel with wide address
# randomization may have put something else: start without randomization where that is allowed.
STEADY := $(shell setarch $$(uname -m) -R true 2>/dev/null && echo setarch $$(uname -m) -R)

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

deps:  ## install packages, fetch and build the third-party libraries (once)
	@cmake/dependencies/bootstrap.sh

configure-%: deps
	@cmake --preset $* > build/configure-$*.log 2>&1 || { cat build/configure-$*.log; exit 1; }

build-%: configure-%
	@cmake --build --preset $*

build: build-release  ## the programs and the library, optimized, in build/release

pgo: deps  ## the same, for this CPU and optimized by what it does in a training, in build/pgo (about ten minutes)
	@cmake/profile_guided_build.sh

demo: build  ## the whole thing at work: serve, fetch, verify, measure (under three minutes after the build)
	@$(BIN)/quicore-demo

test: build-test  ## all tests, with every invariant checked
	@ctest --preset test

asan: build-asan  ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(STEADY) ctest --preset asan

tsan: build-tsan  ## the tests under ThreadSanitizer
	@$(STEADY) ctest --preset tsan

interop: build  ## against other implementations (installs them)
	@tests/interop/run.sh $(BIN)

interop-runner: configure-test  ## the QUIC interop runner's cases over an impaired link, against ourselves and ngtcp2
	@cmake --build --preset test --target quicore-server quicore-get quicore-relay
	@tests/interop/runner/run.sh build/test/bin

perf: build  ## the micro benchmarks, then every figure of docs/performance.md in five rounds (OTHERS=FILE: beside other implementations)
	@$(BIN)/quicore_microbench
	@$(BIN)/quicore-compare --rounds 5 $(if $(shell command -v perf),--profile) $(if $(OTHERS),--others $(OTHERS))

perf-quick: build  ## the same in two minutes
	@$(BIN)/quicore_microbench --benchmark_min_time=0.01
	@$(BIN)/quicore-compare --rounds 1 --duration 1s $(if $(OTHERS),--others $(OTHERS))

path: build  ## bulk over a long path with loss, simulated, beside what theory allows (some minutes)
	@$(BIN)/quicore-path --start 10s --duration 30s
	@$(BIN)/quicore-path --start 10s --duration 30s --queue 0.25

limit: build  ## what this machine's kernel and CPU allow at most
	@$(BIN)/quicore-limit

SOURCES = $(shell git ls-files '*.h' '*.cpp')

tools-for-checks:
	@cmake/dependencies/packages.sh checks

format: tools-for-checks  ## format every source file
	@clang-format-14 -i $(SOURCES)

format-check: tools-for-checks
	@clang-format-14 --dry-run -Werror $(SOURCES)

tidy: tools-for-checks configure-dev  ## clang-tidy over every source file
	@run-clang-tidy-19 -quiet -p build/dev '$(CURDIR)/(io|engine|api|tools|perf)/.*\.cpp'

check: format-check tidy build-ci  ## all that a reviewer would ask for: format, tidy, warnings, includes
	@ctest --preset ci -L 'checks|package'

reference:  ## the public headers as HTML, in build/reference/html
	@cmake/dependencies/packages.sh reference
	@mkdir -p build/reference
	@doxygen docs/reference/Doxyfile
	@echo "build/reference/html/index.html"

spec-coverage: build-test  ## write docs/spec-coverage.md: which test proves which item of the specification
	@tests/checks/spec_coverage.sh . build/test --write

install: build  ## install into PREFIX (default /usr/local)
	@cmake --install build/release --prefix $(PREFIX)

clean:  ## remove the builds, keep the third-party libraries
	@find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +

.PHONY: help deps build pgo demo test asan tsan interop interop-runner perf perf-quick path limit format format-check tidy check reference install clean \
        spec-coverage tools-for-checks
