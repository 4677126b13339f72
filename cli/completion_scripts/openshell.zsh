#compdef openshell
# Completion of openshell for zsh.
# Use: source <(openshell completions zsh), or save it as _openshell in a folder of $fpath.
_openshell() {
  local -a lines before candidates
  local kind line value summary
  before=("${(@Q)words[2,CURRENT-1]}")
  lines=("${(@f)$(command openshell complete --current="${(Q)PREFIX}" -- "${before[@]}" 2>/dev/null)}")
  kind=${lines[1]}
  case $kind in
    files) compset -P '--*='; _files; return ;;
    directories) compset -P '--*='; _files -/; return ;;
  esac
  for line in "${(@)lines[2,-1]}"; do
    value=${line%%$'\t'*}
    summary=${line#*$'\t'}
    candidates+=("${value//:/\\:}${summary:+:$summary}")
  done
  _describe -t candidates 'openshell' candidates
}
if [[ ${funcstack[1]} == _openshell ]]; then
  _openshell "$@"
else
  compdef _openshell openshell
fi
