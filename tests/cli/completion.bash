# Prints what is offered for each line of the file "lines": "> " and the line, then an offer a line.
. ./script
while IFS= read -r line; do
  echo "> $line"
  # As readline does it: = is a word of its own.
  read -ra COMP_WORDS <<<"${line//=/ = }"
  [[ $line != *[\ ] ]] || COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _vabus_data_handler
  ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
done <lines
