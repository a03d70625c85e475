#compdef aws-mfa-agent
# zsh completion for aws-mfa-agent, written by: aws-mfa-agent completion zsh

_aws_mfa_agent_names() {
  local -a names expl
  names=(${(f)"$(command aws-mfa-agent profile-names "$@" $config 2>/dev/null </dev/null)"})
  _wanted profiles expl profile compadd -a names
}

_aws_mfa_agent_profiles() {
  _aws_mfa_agent_names
}

_aws_mfa_agent_source_profiles() {
  _aws_mfa_agent_names --source
}

# exec [PROFILE] -- COMMAND
_aws_mfa_agent_exec() {
  integer dashes=${words[(i)--]}
  if ((CURRENT > dashes)); then
    shift $dashes words
    ((CURRENT -= dashes))
    _normal
  else
    _arguments "$@" '1:profile:_aws_mfa_agent_profile_or_dashes' '2:two dashes:(--)'
  fi
}

_aws_mfa_agent_profile_or_dashes() {
  local -a expl
  _alternative 'profiles:profile:_aws_mfa_agent_profiles' 'dashes:two dashes:(--)'
}

_aws_mfa_agent() {
  local curcontext=$curcontext state line ret=1
  # Not called `commands` and `options`: zsh has parameters of these names, which other completions read.
  local -a config subcommands common
  local -A opt_args

  # The settings file, anywhere on the line.
  integer named=${words[(I)--config]}
  if ((named && named + 1 < CURRENT)); then
    config=(--config "${(Q)words[named + 1]}")
  elif ((named = words[(I)--config=*])); then
    config=("${(Q)words[named]}")
  fi

  subcommands=(
@COMMANDS@
  )
  common=(
@OPTIONS@
  )
  _arguments -C $common '(-): :->command' '(-)*:: :->arguments' && ret=0
  case $state in
    command)
      _describe -t commands command subcommands && ret=0
      ;;
    arguments)
      case $words[1] in
@ARGUMENTS@
      esac
      ;;
  esac
  return ret
}

# Called if found in $fpath; otherwise defines the completion.
if [[ $funcstack[1] == _aws-mfa-agent ]]; then
  _aws_mfa_agent "$@"
else
  compdef _aws_mfa_agent aws-mfa-agent
fi
