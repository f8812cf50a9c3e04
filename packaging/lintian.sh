#!/bin/bash
# lintian.sh FILE...: fails at whatever lintian of Debian 12 or 13 says of these packages, down to pedantic, but for what
# packaging/debian overrides with a reason, and for what an override would not do:
set -euo pipefail

exceptions=(
    # Letters in machine code are no text, and which ones there are changes with every build: an override is unused in some.
    spelling-error-in-binary
    # It is that of Debian 12, whose lintian knows no later one.
    out-of-date-standards-version
    # A sysctl at boot, instances by systemd's own templates, and a service with systemd's watchdog and sandbox: there is
    # nothing for an init script. Debian 13's lintian has no such tag, and an override of it is an error there.
    package-supports-alternative-init-but-no-init.d-script
)

known=()
for tag in "${exceptions[@]}"; do
    ! lintian-explain-tags "$tag" &>/dev/null || known+=("$tag")
done
lintian --allow-root --info --display-info --pedantic --fail-on error,warning,info,pedantic \
    --suppress-tags "$(IFS=, && echo "${known[*]}")" "$@"
