# Prints what is offered for each line of the file "lines": "> " and the line, then an offer a line.
# Completion needs a terminal, so an interactive shell runs on one, within which the line editor asks.
cat >rc <<'END_OF_RC'
PROMPT=
autoload -Uz compinit
compinit -u -D
source ./script
# All that is offered passes through this builtin; with -O, -A or -D it only tries.
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a found
  builtin compadd -O found "$@"
  (($#found == 0)) || print -rl -- $found >>offers
  builtin compadd "$@"
}
ask() {
  local line
  while IFS= read -r line; do
    print -r -- "> $line" >>offers
    BUFFER=$line CURSOR=$#line
    zle complete-word
  done <lines
  exit
}
zle -N zle-line-init ask
END_OF_RC
zmodload zsh/zpty
zpty inner 'exec zsh -f -i'
zpty -w inner 'source ./rc'
while zpty -r inner screen; do :; done
cat offers
