# Every goal installs by itself what it needs and lacks; tests/setup.sh says what.
TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
BUILT = $(abspath $(or $(CARGO_TARGET_DIR),target))/$(TARGET)/release
CARGO_FLAGS = --release --target $(TARGET)
# A test is a lab with its own libvirtd, sometimes with an emulated guest. Most of the time it waits, for a router, a lease,
# a deadline; so several programs of tests run side by side, each with several tests.
TEST_JOBS ?= $(shell nproc)
TEST_THREADS ?= $(shell nproc)
TESTS = $(patsubst tests/%.rs,%,$(wildcard tests/*.rs)) $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs))
# What links libvirt cannot be static; RUSTFLAGS replaces what .cargo/config.toml says.
DYNAMIC = RUSTFLAGS=-Ctarget-feature=-crt-static
SCRIPTS = .ci/run packaging/hook-links $(wildcard packaging/*.sh packaging/debian/*.p* packaging/completions/*.bash packaging/debian/tests/main-job packaging/debian/tests/starts \
    tests/*.sh tests/*/*.sh tests/lab/bin/* tests/vm/cases/*.sh tests/vm/image/usr/local/sbin/*)

.PHONY: demo test bench lab build watch pages gate lint setup clean install uninstall deb deb-source deb-reproducible deb-lint \
    test-deb test-vm vm $(TESTS:%=test-%)

demo: build
	@tests/demo.sh $(BUILT)

# The programs that are tested are those that `make build` has made, the tests themselves are compiled quickly.
test: build
	$(DYNAMIC) cargo test --target $(TARGET) --package virt-bridge-watch
	cargo test --target $(TARGET) --package virt-bridge --package names --package xml --no-run
	cargo test --target $(TARGET) --package names --package xml
	cargo test --target $(TARGET) --package virt-bridge --lib --bin virt-bridge --bin virt-bridge-udev --example prober
	@$(MAKE) --no-print-directory --jobs=$(TEST_JOBS) --output-sync=target --keep-going $(TESTS:%=test-%)
	tests/install.sh $(BUILT)

# One of tests/.
$(TESTS:%=test-%): build
	BUILT=$(BUILT) \
	    cargo test --target $(TARGET) --package virt-bridge --test $(@:test-%=%) -- --test-threads=$(TEST_THREADS)

bench: setup
	@tests/bench/run.sh

lab: build
	@tests/lab/lab.sh --install $(BUILT)

build: watch
	cargo build $(CARGO_FLAGS) --bins

watch: setup
	$(DYNAMIC) cargo build $(CARGO_FLAGS) --package virt-bridge-watch

# Manual pages, from the command line's own definition.
pages: setup
	cargo run --target $(TARGET) --package pages -- $(BUILT)/pages

gate: build
	@packaging/static-gate.sh $(TARGET)

lint: setup
	cargo fmt --all --check
	cargo clippy --target $(TARGET) --workspace --all-targets -- -D warnings
	shellcheck -x $(SCRIPTS)
	packaging/crates.py copyright | diff - packaging/debian/copyright

# Of what `make build` and `make pages` have built; packaging/install.sh says what DESTDIR=, PREFIX= and others mean.
install uninstall:
	@packaging/install.sh $@ $(BUILT)

# The packages, in target/deb.
DEB = $(abspath $(or $(CARGO_TARGET_DIR),target))/deb

deb:
	@tests/setup.sh deb
	@packaging/deb.sh $(DEB)

# The source package, from which Debian 13 builds without a network: see packaging/debian/README.source.
deb-source:
	@tests/setup.sh deb
	@packaging/deb.sh --source $(DEB)-source
	packaging/lintian.sh $(DEB)-source/*.dsc

# Two builds, two directories, the same bytes.
deb-reproducible:
	@tests/setup.sh deb
	@packaging/deb.sh $(DEB)-1
	@packaging/deb.sh $(DEB)-2/elsewhere
	@for file in $(DEB)-1/*.deb; do cmp "$$file" "$(DEB)-2/elsewhere/$${file##*/}" || exit 1; done
	@sha256sum $(DEB)-1/*.deb

deb-lint: deb
	packaging/lintian.sh $(DEB)/*.changes
	for unit in packaging/*.service; do systemd-analyze security --offline=yes --threshold=30 "$$unit" || exit 1; done

test-deb: setup deb
	@for file in $(DEB)/virt-bridge_*.deb; do tests/package.sh "$$file" || exit 1; done

# On booted Debian systems, see tests/vm/README.md: CASE= and RELEASE= choose.
test-vm: deb
	@tests/setup.sh vm
	@tests/vm/run.sh $(DEB)

vm: deb
	@tests/setup.sh vm
	@tests/vm/run.sh --shell $(DEB)

setup:
	@tests/setup.sh

clean:
	cargo clean
