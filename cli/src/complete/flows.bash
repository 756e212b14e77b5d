# Completion of flows for bash: source <(flows completion bash)

_flows() {
    local IFS=$'\n' line
    COMPREPLY=()
    for line in $("${1/#\~/$HOME}" complete "--line=${COMP_LINE:0:COMP_POINT}" 2>/dev/null); do
        case $line in
        :files) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$2")) ;;
        :nospace) compopt -o nospace 2>/dev/null ;;
        *) COMPREPLY+=("$line") ;;
        esac
    done
}

complete -o nosort -F _flows flows 2>/dev/null || complete -F _flows flows
