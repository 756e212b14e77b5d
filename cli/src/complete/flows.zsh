#compdef flows
# Completion of flows for zsh: source <(flows completion zsh), or as the file _flows in a directory of $fpath

_flows() {
    local line
    local -a space shown values
    for line in "${(@f)$("${words[1]/#\~/$HOME}" complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
        :files) _files ;;
        :nospace) space=(-S '') ;;
        '') ;;
        *)
            values+=("${line%%$'\t'*}")
            shown+=("${line/$'\t'/  -- }")
            ;;
        esac
    done
    (( ${#values} )) && compadd -U -V flows -l -d shown "${space[@]}" -a values
}

if [[ $funcstack[1] == _flows ]]; then
    _flows "$@"
elif (( $+functions[compdef] )); then
    compdef _flows flows
fi
