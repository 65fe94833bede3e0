# Prints what is offered for each line of the file "lines": "> " and the line, then an offer a line.
source script
while read --local line
    echo "> $line"
    complete --do-complete="$line"
end <lines
