# shellcheck shell=bash
# Completion of virt-bridge for bash: the command itself knows what may come next.
_virt_bridge() {
    local answer line status=0
    answer=$(PATH=$PATH:/usr/local/sbin:/usr/sbin virt-bridge complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || status=$?
    COMPREPLY=()
    # A file.
    if ((status == 10)); then
        compopt -o default
        return
    fi
    [[ -n $answer ]] || return 0
    while IFS= read -r line; do
        COMPREPLY+=("$(printf '%q' "${line%%$'\t'*}")")
    done <<<"$answer"
}
complete -F _virt_bridge virt-bridge
