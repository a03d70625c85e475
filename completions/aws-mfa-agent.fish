# fish completion for aws-mfa-agent, written by: aws-mfa-agent completion fish

# Prints the command before the cursor, the number of its arguments, and -- if that is one of the words.
function __aws_mfa_agent_line
    set -l command ''
    set -l position 0
    set -l dashes
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        if set -q dashes[1]
            set position (math $position + 1)
            continue
        end
        switch "$command:$word"
            case '*:--'
                set dashes --
            case @OPTIONS_WITH_VALUES@
                set -e words[1]
            case '*:-*'
            case ':*'
                set command $word
            case '*'
                set position (math $position + 1)
        end
    end
    printf '%s\n' "$command" $position $dashes
end

# Whether this command is before the cursor, with this many arguments.
function __aws_mfa_agent_is -a command position
    set -l line (__aws_mfa_agent_line)
    test "$line[1]" = "$command"; or return
    test -z "$position" -o "$position" = "$line[2]"; or return
    test "$line[1] $line[3]" != 'exec --'
end

function __aws_mfa_agent_profiles
    set -l config
    set -l words (commandline -opc)
    set -l named (contains -i -- --config $words)
    and set -q words[(math $named + 1)]
    and set config --config $words[(math $named + 1)]
    set -a config (string match -- '--config=*' $words)
    command aws-mfa-agent profile-names $argv $config 2>/dev/null </dev/null
end

# exec PROFILE -- COMMAND
function __aws_mfa_agent_runs
    set -l line (__aws_mfa_agent_line)
    test "$line[1] $line[3]" = 'exec --'
end

function __aws_mfa_agent_command
    set -l words (commandline -opc)
    set -l dashes (contains -i -- -- $words)
    set -e words[1..$dashes]
    complete -C "$(string join ' ' -- (string escape -- $words) (commandline -ct))"
end

complete -c aws-mfa-agent -f
@COMPLETIONS@
complete -c aws-mfa-agent -n __aws_mfa_agent_runs -a '(__aws_mfa_agent_command)'
