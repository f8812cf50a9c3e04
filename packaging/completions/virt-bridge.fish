# Completion of virt-bridge for fish: the command itself knows what may come next.
function __virt_bridge_complete
    set --local words (commandline --tokenize --cut-at-cursor --current-process) (commandline --current-token --cut-at-cursor)
    set --local --export PATH $PATH /usr/local/sbin /usr/sbin
    virt-bridge complete -- $words[2..-1] 2>/dev/null
    # A file.
    if test $status -eq 10
        __fish_complete_path (commandline --current-token)
    end
end
complete --command virt-bridge --no-files --arguments '(__virt_bridge_complete)'
