# shellcheck shell=bash
# The tests that Debian runs with a package, packaging/debian/tests, on a host with both packages.
tests=$here/../../packaging/debian/tests

# run_test NAME: what is written on stderr fails it, unless debian/tests/control allows that
run_test() {
    vm_put /root/tests "$tests/$1"
    VM_SECONDS=120 vm "/root/tests/$1 2>/root/said >/dev/null || { cat /root/said; exit 1; }"
}

install_packages virt-bridge virt-bridge-watch
run_test starts
said=$(vm 'cat /root/said')
[[ -z $said ]] || fail "the test writes on stderr: $said"
run_test main-job
nothing_failed
