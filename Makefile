# Every goal installs by itself what it needs and lacks; tests/setup.sh says what.
TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
BUILT = $(abspath $(or $(CARGO_TARGET_DIR),target))/$(TARGET)/release
CARGO_FLAGS = --release --target $(TARGET)
# A test is a lab with its own libvirtd, sometimes with an emulated guest: more than a processor each, they only wait.
TEST_THREADS ?= $(shell nproc)
# What links libvirt cannot be static; RUSTFLAGS replaces what .cargo/config.toml says.
DYNAMIC = RUSTFLAGS=-Ctarget-feature=-crt-static
SCRIPTS = .ci/run $(wildcard packaging/*.sh tests/*.sh tests/*/*.sh tests/lab/bin/*)

.PHONY: demo test bench lab build watch gate lint setup clean install uninstall

demo: build
	@tests/demo.sh $(BUILT)

test: watch
	$(DYNAMIC) cargo test $(CARGO_FLAGS) --package virt-bridge-watch
	cargo test $(CARGO_FLAGS) -- --test-threads=$(TEST_THREADS)

bench: setup
	@tests/bench/run.sh

lab: build
	@tests/lab/lab.sh --install $(BUILT)

build: watch
	cargo build $(CARGO_FLAGS) --bins

watch: setup
	$(DYNAMIC) cargo build $(CARGO_FLAGS) --package virt-bridge-watch

gate: build
	@packaging/static-gate.sh $(TARGET)

lint: setup
	cargo fmt --all --check
	cargo clippy --target $(TARGET) --workspace --all-targets -- -D warnings
	shellcheck -x $(SCRIPTS)

# Of what `make build` has built; DESTDIR= is honoured.
install uninstall:
	@packaging/install.sh $@ $(BUILT)

setup:
	@tests/setup.sh

clean:
	cargo clean
