# Completion of openshell for bash 3.2 and later.
# Use: source <(openshell completions bash)
_openshell() {
  local index fragment="" last="" word="" prefix="" kind="" line value
  local -a before=()
  COMPREPLY=()
  # Bash takes "=" and ":" for ends of words: put the pieces together again.
  for ((index = 1; index <= COMP_CWORD; index++)); do
    fragment=${COMP_WORDS[index]}
    if ((index > 1)) && [[ $fragment == [=:]* || $last == *[=:] ]]; then
      word+=$fragment
    else
      if ((index > 1)); then before+=("$word"); fi
      word=$fragment
    fi
    last=$fragment
  done
  # Bash replaces only the last piece.
  if [[ $last == [=:] ]]; then
    prefix=$word
  elif [[ $last != "$word" ]]; then
    prefix=${word%"$last"}
  fi
  while IFS= read -r line; do
    if [[ -z $kind ]]; then
      kind=$line
    else
      value=${line%%$'\t'*}
      COMPREPLY+=("${value#"$prefix"}")
    fi
  done < <(command openshell complete --current="$word" -- ${before[@]+"${before[@]}"} 2>/dev/null)
  word=${word#"$prefix"}
  case $kind in
    files) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word") ;;
    directories) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$word") ;;
    *) return 0 ;;
  esac
  if type compopt >/dev/null 2>&1; then compopt -o filenames 2>/dev/null; fi
  return 0
}
complete -F _openshell openshell
