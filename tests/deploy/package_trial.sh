# What an operator does with a package, within the room of systemd_room.sh. Each line on stdout is one that the test looks for.
# Of its kind kind.sh brings install_package NAME, remove_package and last_steps, whose lines come last.
export HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C
. /packages/kind.sh
unit=vabus-data-handler
env=/etc/vabus-data-handler/env
state() { systemctl show -P ActiveState $unit; }
pid() { systemctl show -P MainPID $unit; }
# Starts the service. Where that fails, the log says why.
start() {
  systemctl start $unit && return
  systemctl status --no-pager --full $unit
  journalctl --no-pager --lines=200
  return 1
}
# As `until` in the tests: only a defect takes longer.
within() { for _ in $(seq 3000); do "$@" && return; sleep 0.1; done; echo "in vain: $*"; }
# Without the books of dpkg and rpm, and what a machine writes that runs.
files() {
  find / -xdev \( -path /var/lib/dpkg -o -path /var/cache/debconf -o -path /var/log -o -path /tmp -o -path /var/tmp -o -path /run \
    -o -path /out -o -path /root -o -path /var/lib/systemd \) -prune -o -print | sort
  cut -d : -f 1 /etc/passwd /etc/group
}
files > /tmp/before

install_package old > /tmp/install 2>&1
echo "install: exit $?, $(state), $(systemctl is-enabled $unit), $(stat -c '%U:%G %a' $env)"
vabus-data-handler --version | sed 's/ (.*//; s/[0-9.]*$/runs/'
grep -c '^[^#]' $env | sed 's/^/settings that are set: /'

systemd-run --quiet --unit=bus vabus-data-handler bus --listen 127.0.0.1:18923 --memory
publish() {
  local event='[{"name":"plant7.energy","value":1,"timestamp":'$(date +%s.%N)'}]' answer
  exec 3<> /dev/tcp/127.0.0.1/18923 || return
  printf 'POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    ${#event} "$event" >&3
  read -r answer <&3
  exec 3>&-
  [[ $answer == *" 202 "* ]]
}
within publish 2> /dev/null
# Until it is told to stop; it leaves how many were taken, the first one included.
publish_on() {
  local taken=1
  until [ -e /tmp/enough ]; do publish && taken=$((taken + 1)); done
  echo "$taken" > /tmp/taken
}
printf 'VABUS_URL=http://127.0.0.1:18923\nAGGREGATION_INTERVAL=1\nALLOWED_LATENESS=1\n' >> $env
vabus-data-handler check --env-file $env > /tmp/check 2>&1
echo "check: exit $?"
start
echo "start: exit $?, $(state), user $(ps -o user:32= -p "$(pid)" | tr -d ' '), by name: $([ "$(pidof $unit | wc -w)" = 2 ] && echo found)"
echo "cache: $(ls /var/cache/vabus-data-handler 2> /dev/null | wc -l) files"

publish_on &
books() { vabus-data-handler status --json 2> /dev/null | tr -d ' \n' | grep -o '"received":[0-9]*' | head -1 | cut -d : -f 2; }
has_read() { [ "$(books)" -ge "$1" ]; }
within has_read 20
before=$(pid)
install_package new > /tmp/upgrade 2>&1
echo "upgrade: exit $?, $(state), pid $([ "$(pid)" = "$before" ] && echo kept || echo new), settings $(grep -c ^VABUS_URL $env)"
has_gone_on() { has_read $(($1 + 20)); }
within has_gone_on "$(books)"
touch /tmp/enough
wait
taken=$(cat /tmp/taken)
within has_read "$taken"
echo "events: $([ "$(books)" = "$taken" ] && echo 'each once' || echo "$taken sent, $(books) read")"
vabus-data-handler verify > /tmp/verify 2>&1
echo "verify: exit $?"

systemctl stop bus

# A state of the oldest schema that was released, its bus and one of its sinks out of reach. It is laid in while the service does
# not run, and the upgraded program migrates it; the clock then closes its open windows, whose series become aggregates.
systemctl stop $unit
directory=/var/lib/vabus-data-handler
mkdir /tmp/own
mv $directory/* /tmp/own
cp $env /tmp/env
cp /packages/oldest.sqlite $directory/state.sqlite
chown $unit: $directory/state.sqlite
chmod 600 $directory/state.sqlite
bus=$(vabus-data-handler status --json | grep -o 'http://127[^"]*' | head -1)
printf '%s\n' "VABUS_URL=$bus" INSTANCE_ID=fixture STORAGE_TYPE=sqlite,postgres \
  POSTGRES_CONNECTION_STRING=postgres://plant@127.0.0.1:9/plant > $env
fact() { vabus-data-handler status --json | tr -d ' \n' | grep -o "\"$1\":[0-9]*" | head -1 | cut -d : -f 2; }
offset=$(fact next_offset) dead_letters=$(fact total) aggregates=$(fact next_id) open=$(fact series)
start
has_closed() { [ "$(fact next_id)" = $((aggregates + open)) ]; }
within has_closed
echo "oldest schema: $(state), offset $offset, then $(fact next_offset); dead letters $dead_letters, then $(fact total)"
echo "its aggregates: $aggregates, and $open open, then $(fact next_id)"
systemctl stop $unit
rm -r $directory/*
mv /tmp/own/* $directory
cat /tmp/env > $env
start

remove_package > /tmp/remove 2>&1
echo "remove: exit $?, $(state), state $([ -s /var/lib/vabus-data-handler/state.sqlite ] && echo kept), settings $(ls /etc/vabus-data-handler)"
install_package new > /tmp/again 2>&1
echo "install again: exit $?, books $([ "$(books)" = "$taken" ] && echo kept)"
last_steps
echo done
