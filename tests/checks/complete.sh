#!/bin/bash
# SPDX-License-Identifier: MIT
# complete.sh SHELL LINE: what SHELL (bash, zsh or fish) offers when the tab key is pressed at the end of LINE, one
# word a line. Each shell loads the completion itself, from a directory laid out as the installed one.
set -eu
shell=$1
line=$2
completions=$(cd "$(dirname "$0")/../../completions" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_CONFIG_HOME=$work XDG_CACHE_HOME=$work XDG_DATA_HOME=$work COMPLETIONS=$completions LINE=$line

# Words as readline makes them: at blanks and at `=`.
ask_bash() {
  mkdir -p "$work/user/completions"
  ln -s "$completions/udptool.bash" "$work/user/completions/udptool"
  # shellcheck disable=SC2016
  BASH_COMPLETION_USER_DIR=$work/user bash --norc -c '
    . /usr/share/bash-completion/bash_completion
    _completion_loader udptool || :
    function=$(complete -p udptool | sed "s/.*-F \([^ ]*\).*/\1/")
    words=${LINE//=/ = }
    read -ra COMP_WORDS <<<"$words"
    case $words in *" ") COMP_WORDS+=("") ;; esac
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    "$function" udptool "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    if [ ${#COMPREPLY[@]} -gt 0 ]; then printf "%s\n" "${COMPREPLY[@]}"; fi'
}

# A shell in a terminal of its own completes LINE; its compadd prints the matches, between two NULs, instead of
# showing them.
ask_zsh() {
  cat >"$work/inner" <<'END'
PROMPT=
setopt no_prompt_cr no_prompt_sp no_beep
fpath=($COMPLETIONS $fpath)
autoload -Uz compinit
compinit -u -D
bindkey '^I' complete-word
mark() { print -rn -- $'\0' }
compprefuncs=(mark)
comppostfuncs=(mark exit)
compadd() {
  if [[ ${(j: :)@[1,(i)(-|--)]} == *-[a-zA-Z]#(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits
  builtin compadd -O hits "$@"
  print -rl -- $hits
  (( $#hits ))
}
setopt extended_glob
print READY
END
  # shellcheck disable=SC2016
  timeout 20 zsh -f -c '
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell "source $1"
    zpty -r -m shell seen "*READY*"
    zpty -n -w shell "$LINE"$'"'\t'"'
    local text="" piece
    while zpty -r shell piece; do text+=$piece; done
    print -rn -- "$text"' zsh "$work/inner" |
    tr -d '\r' | awk 'BEGIN { RS = "\0" } NR == 2' | sed '/^$/d; s/=$//'
}

ask_fish() {
  # fish loads completions only of commands that exist.
  mkdir -p "$work/bin" "$work/share/fish/vendor_completions.d"
  ln -s /bin/true "$work/bin/udptool"
  ln -s "$completions/udptool.fish" "$work/share/fish/vendor_completions.d/"
  # shellcheck disable=SC2016
  PATH=$work/bin:$PATH XDG_DATA_DIRS=$work/share:/usr/share timeout 20 fish -c 'complete -C "$LINE"' </dev/null | cut -f 1
}

# What begins with the last word: fish from 4 on also offers what only contains it.
last=${line##* }
"ask_$shell" | awk -v last="${last##*=}" 'index($0, last) == 1 || index($0, "=" last)' | sort -u
