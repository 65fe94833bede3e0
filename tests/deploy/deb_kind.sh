# For package_trial.sh: the package for Debian, by dpkg.
install_package() { dpkg -i "/packages/$1"; }
remove_package() { dpkg -r "$unit"; }
last_steps() {
  echo vabus-data-handler vabus-data-handler/remove-state boolean false | debconf-set-selections
  dpkg -P "$unit" > /tmp/purge 2>&1
  echo "purge, state kept: exit $?, state $([ -s /var/lib/vabus-data-handler/state.sqlite ] && echo kept), settings $([ -e "$env" ] && echo kept || echo gone)"
  install_package new > /tmp/again 2>&1
  dpkg -P "$unit" > /tmp/purge 2>&1
  files > /tmp/after
  echo "purge: exit $?, left behind: $(diff /tmp/before /tmp/after | grep -c '^[<>]')"
  diff /tmp/before /tmp/after | grep '^[<>]'
}
