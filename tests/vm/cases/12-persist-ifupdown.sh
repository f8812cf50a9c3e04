# shellcheck shell=bash
# A bridge in /etc/network/interfaces, as the image has it: static addresses of both families.
# shellcheck source=tests/vm/persist.sh
. "$here/persist.sh"
look
take_over ifupdown /etc/network/interfaces '[0-5]'
stay
go_back
