# Completion of flows for fish: flows completion fish > ~/.config/fish/completions/flows.fish

function __flows_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$typed"
            case ':*'
            case '*'
                echo $line
        end
    end
end

complete -c flows -f -a '(__flows_complete)'
