# Every goal installs by itself what it needs and lacks; tests/setup.sh says what.
TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
BUILT = $(abspath $(or $(CARGO_TARGET_DIR),target))/$(TARGET)/release
CARGO_FLAGS = --release --target $(TARGET)
# A test is a lab with its own libvirtd, sometimes with an emulated guest: more than a processor each, they only wait.
TEST_THREADS ?= $(shell nproc)
SCRIPTS = .ci/run $(wildcard packaging/*.sh tests/*.sh tests/*/*.sh tests/lab/bin/*)

.PHONY: demo test bench lab build gate lint setup clean install uninstall deb

demo: build
	@tests/demo.sh $(BUILT)

test: setup
	cargo test $(CARGO_FLAGS) -- --test-threads=$(TEST_THREADS)

bench: setup
	@tests/bench/run.sh

lab: build
	@tests/lab/lab.sh --install $(BUILT)

build: setup
	cargo build $(CARGO_FLAGS) --bins

gate: build
	@packaging/static-gate.sh $(TARGET)

lint: setup
	cargo fmt --check
	cargo clippy --target $(TARGET) --all-targets -- -D warnings
	shellcheck -x $(SCRIPTS)

# Of what `make build` has built; DESTDIR= is honoured.
install uninstall:
	@packaging/install.sh $@ $(BUILT)

# The packages, in target/deb.
deb:
	@tests/setup.sh deb
	@packaging/deb.sh $(abspath $(or $(CARGO_TARGET_DIR),target))/deb

setup:
	@tests/setup.sh

clean:
	cargo clean
