# What it costs to patch the XML of domains, beside other ways to do it; sourced by run.sh.
# shellcheck shell=bash

bench_domain() {
    local rule='--from-network default --to-network bridge-network'
    local small=$RESULTS/domain.xml large=$RESULTS/interfaces.xml
    domain_xml 3 60 >"$small"
    domain_xml 1000 60 >"$large"
    echo "A domain of $(stat --format %s "$small") bytes with 3 interfaces, whole processes, $RUNS runs each by turns."
    domain_pair "$RUNS" "$small" "$rule"
    echo "1,000 interfaces, $(stat --format %s "$large") bytes."
    domain_pair 20 "$large" "$rule"
    echo "virt-xml (one interface of the small domain), 5 runs each."
    "$BUILT/examples/pair" --runs 5 --stdin "$small" "virt-bridge=$VIRT_BRIDGE domain patch --diff $rule" \
        "virt-xml=virt-xml --connect test:///default --edit --network network=bridge-network --print-diff"
    echo "1,000 files."
    domain_files "$small" "$rule"
    echo "Inside of one process, the small domain and 1,000 interfaces:"
    "$BUILT/examples/plan" "$small" 2
    "$BUILT/examples/plan" "$large" 2
}

domain_pair() {
    "$BUILT/examples/pair" --runs "$1" --stdin "$2" "virt-bridge=$VIRT_BRIDGE domain patch $3" \
        "xsltproc=xsltproc $HERE/domain/move.xsl -" "python lxml=/usr/bin/python3 $HERE/domain/move.py"
}

# One process for each file, as hooks and scripts do it; lxml also with all in one process.
domain_files() {
    local directory=$RESULTS/files start
    mkdir -p "$directory"
    for number in {1..1000}; do cp "$1" "$directory/$number.xml"; done
    for way in virt-bridge xsltproc 'python lxml' 'python lxml at once'; do
        start=$EPOCHREALTIME
        # shellcheck disable=SC2086  # $2 is several words
        case $way in
            virt-bridge) for file in "$directory"/*; do "$VIRT_BRIDGE" domain patch $2 "$file"; done ;;
            xsltproc) for file in "$directory"/*; do xsltproc "$HERE/domain/move.xsl" "$file"; done ;;
            'python lxml') for file in "$directory"/*; do /usr/bin/python3 "$HERE/domain/move.py" "$file"; done ;;
            *) /usr/bin/python3 "$HERE/domain/move.py" "$directory"/* ;;
        esac >/dev/null
        printf '%-24s%8d ms\n' "$way" $(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    done
}

# A domain as virt-install makes it: domain_xml INTERFACES PCI-CONTROLLERS.
domain_xml() {
    printf "<domain type='kvm'>\n  <name>web-1</name>\n  <uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>\n  <memory unit='KiB'>2097152</memory>\n"
    printf "  <vcpu placement='static'>2</vcpu>\n  <os>\n    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>\n  </os>\n  <devices>\n"
    for ((number = 1; number <= $2; number++)); do
        printf "    <controller type='pci' index='%d' model='pcie-root-port'>\n      <target chassis='%d' port='0x%x'/>\n    </controller>\n" "$number" "$number" "$number"
    done
    for ((number = 0; number < $1; number++)); do
        printf "    <interface type='network'>\n      <mac address='52:54:00:12:%02x:%02x'/>\n      <source network='default'/>\n" $((number / 256)) $((number % 256))
        printf "      <target dev='vnet%d'/>\n      <model type='virtio'/>\n    </interface>\n" "$number"
    done
    printf "    <console type='pty'/>\n    <memballoon model='virtio'/>\n  </devices>\n</domain>\n"
}
