# bash completion for aws-mfa-agent, written by: aws-mfa-agent completion bash

# Offers the words that begin with the typed text, with the same quotes.
_aws_mfa_agent_offer() {
  local word
  for word; do
    [[ $word == "$typed"* ]] || continue
    word=$lead$word
    word=${word:cut}
    case $quote in
      \') word=${word//\'/\'\\\'\'} ;;
      \") word=${word//\\/\\\\} word=${word//\"/\\\"} word=${word//\$/\\\$} word=${word//\`/\\\`} ;;
      *) printf -v word %q "$word" ;;
    esac
    COMPREPLY+=("$word")
  done
}

_aws_mfa_agent_profiles() {
  local profile
  while IFS= read -r profile; do
    _aws_mfa_agent_offer "$profile"
  done < <(command aws-mfa-agent profile-names "$@" "${config[@]}" 2>/dev/null </dev/null)
}

_aws_mfa_agent_files() {
  local file
  compopt -o filenames 2>/dev/null
  while IFS= read -r file; do
    file=$lead$file
    COMPREPLY+=("${file:cut}")
  done < <(compgen -f -- "$typed")
}

# Completes the command after exec PROFILE --, whose first word has the given index in COMP_WORDS.
_aws_mfa_agent_command() {
  local function
  for function in _comp_command_offset _command_offset; do
    declare -F "$function" >/dev/null || continue
    "$function" "$1"
    return
  done
  local word what=-c
  ((COMP_CWORD > $1)) && what=-f
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do
    COMPREPLY+=("${word:cut}")
  done < <(compgen "$what" -- "$typed")
}

_aws_mfa_agent() {
  COMPREPLY=()
  # Splits the line before the cursor into words without quotes. cut: how much of the last one readline keeps.
  local line=${COMP_LINE:0:COMP_POINT} words=() typed= quote= begun= char i cut=0
  for ((i = 0; i < ${#line}; i++)); do
    char=${line:i:1}
    if [[ $quote && $char == "$quote" ]]; then
      quote=
    elif [[ $quote != \' && $char == \\ ]]; then
      char=${line: ++i:1} begun=1
      [[ $quote && $char != [\$\`\"\\] ]] && typed+=\\
      typed+=$char
    elif [[ $quote ]]; then
      typed+=$char
    elif [[ $char == [\'\"] ]]; then
      quote=$char begun=1 cut=${#typed}
    elif [[ $char == [[:blank:]] ]]; then
      [[ $begun ]] && words+=("$typed")
      typed= begun= cut=0
    else
      typed+=$char begun=1
      [[ $COMP_WORDBREAKS == *"$char"* ]] && cut=${#typed}
    fi
  done

  # Finds the command, its position, and an option that takes a value.
  local word command= option= dashes= position=0 config=() lead=
  for word in "${words[@]:1}"; do
    if [[ $option ]]; then
      [[ $option == --config ]] && config=(--config "$word")
      option=
      continue
    fi
    case $dashes$word in
      --) dashes=1 ;;
      --config=*) config=("$word") ;;
      -*)
        case $command:$word in
          @OPTIONS_WITH_VALUES@) option=$word ;;
        esac
        ;;
      *) if [[ $command ]]; then ((position++)); else command=$word; fi ;;
    esac
  done
  if [[ $command == exec && $dashes ]]; then
    for ((i = 1; i < COMP_CWORD; i++)); do
      [[ ${COMP_WORDS[i]} == -- ]] && break
    done
    _aws_mfa_agent_command $((i + 1))
    return
  fi
  if [[ ! $option && ! $dashes && $typed == --*=* ]]; then
    option=${typed%%=*} lead=$option=
    typed=${typed#*=}
  fi

  if [[ $option ]]; then
    case $command:$option in
@OPTION_VALUES@
    esac
  elif [[ ! $dashes && $typed == -* ]]; then
    case $command in
@OPTIONS@
    esac
  elif [[ ! $command ]]; then
    _aws_mfa_agent_offer @COMMANDS@
  else
    case $command:$position in
@ARGUMENTS@
    esac
  fi
}

complete -F _aws_mfa_agent aws-mfa-agent
