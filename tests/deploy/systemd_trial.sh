# What an operator does with the service, within the room of systemd_room.sh. Each line on stdout is one that the test looks for.
export HOME=/root
env=/etc/vabus-data-handler/env
unit=vabus-data-handler
# A reload has only been asked for when systemctl returns: first the service tells of it, then it is no longer `reloading`.
# The state is printed as it was read, because the next reading may be another.
settled() { state=$(systemctl show -p ActiveState,SubState --value $unit | xargs); [[ $state != reloading* ]]; }
after() { code=$?; [ -z "${2-}" ] || within told "$2"; within settled; echo "$1: exit $code, $state, pid $(pid_is "$pid")"; }
pid() { systemctl show -P MainPID $unit; }
pid_is() { [ "$(pid)" = 0 ] && echo none || { [ "$(pid)" = "$1" ] && echo kept || echo new; }; }
# As `until` in the tests: only a defect takes longer.
within() { for _ in $(seq 3000); do "$@" && return; sleep 0.1; done; echo "in vain: $*"; }
told() { journalctl -q -u $unit -o cat --no-pager | grep -q -- "$1"; }

printf 'VABUS_URL=http://127.0.0.1:18923\nLOG_LEVEL=info\n' > $env
pid=
systemctl start $unit
after start
pid=$(pid)
echo "user: $(ps -o user= -p "$pid" | tr -d ' ' | head -c 5), by name: $([ "$(pidof vabus-data-handler)" = "$pid" ] && echo found)"

sed -i 's/info/debug/' $env
systemctl reload $unit
after reload '"the settings were read again","changed":"LOG_LEVEL"'

sed -i 's/debug/loud/' $env
systemctl reload $unit
after 'wrong reload' 'the settings stay as they were: .*LOG_LEVEL'
sed -i 's/loud/info/' $env

/opt/vabus-data-handler status > /tmp/status 2>&1
echo "status: exit $?, $(grep -o 'state  *.*sqlite' /tmp/status | tr -s ' ')"

kill -9 "$pid"
restarted() { [ "$(systemctl show -P NRestarts $unit)" = 1 ] && [ "$(systemctl show -P ActiveState $unit)" = active ]; }
within restarted
after 'kill -9'
pid=$(pid)
systemctl stop $unit
after stop

echo 'VABUS_URLL=x' >> $env
systemctl start $unit 2> /dev/null
after 'wrong start'
# What a process says last may come to the journal after its end has come to systemd.
within told VABUS_URLL && echo "wrong start: code $(systemctl show -P ExecMainStatus $unit), told"
echo done
