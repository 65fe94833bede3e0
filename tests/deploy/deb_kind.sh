# For package_trial.sh: the package for Debian, by dpkg.
install_package() { dpkg -i "/packages/$1"; }
remove_package() { dpkg -r "$unit"; }
last_steps() {
  # An upgrade by which the settings that are packaged change, too, with nobody to ask.
  dpkg-deb --raw-extract /packages/new /tmp/next
  echo '#ANOTHER_SETTING=1' >> "/tmp/next$env"
  sed -i 's/^Version: .*/Version: 0.0.3-1/' /tmp/next/DEBIAN/control
  dpkg-deb -Znone --build /tmp/next /tmp/next.deb > /tmp/built 2>&1
  dpkg -i /tmp/next.deb < /dev/null > /tmp/asked 2>&1
  echo "other settings, nobody to ask: exit $?, set $(grep -c ^VABUS_URL "$env")"
  dpkg --configure --force-confdef --force-confold "$unit" > /tmp/kept 2>&1
  echo "with --force-confold: exit $?, set $(grep -c ^VABUS_URL "$env"), there are $(cd /etc/$unit && ls -m)"
  echo vabus-data-handler vabus-data-handler/remove-state boolean false | debconf-set-selections
  dpkg -P "$unit" > /tmp/purge 2>&1
  echo "purge, state kept: exit $?, state $([ -s /var/lib/vabus-data-handler/state.sqlite ] && echo kept), settings $([ -e "$env" ] && echo kept || echo gone)"
  install_package new > /tmp/again 2>&1
  dpkg -P "$unit" > /tmp/purge 2>&1
  files > /tmp/after
  echo "purge: exit $?, left behind: $(diff /tmp/before /tmp/after | grep -c '^[<>]')"
  diff /tmp/before /tmp/after | grep '^[<>]'
}
