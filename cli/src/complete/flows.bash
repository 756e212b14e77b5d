# Completion of flows for bash: source <(flows completion bash)

_flows() {
    local line
    COMPREPLY=()
    local -a lines files
    mapfile -t lines < <("${1/#\~/$HOME}" complete "--line=${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    for line in "${lines[@]}"; do
        case $line in
        :files) compopt -o filenames 2>/dev/null; mapfile -t files < <(compgen -f -- "$2"); COMPREPLY+=("${files[@]}") ;;
        :nospace) compopt -o nospace 2>/dev/null ;;
        *) COMPREPLY+=("$line") ;;
        esac
    done
}

complete -o nosort -F _flows flows 2>/dev/null || complete -F _flows flows
