# For package_trial.sh: the package for Fedora and others, by rpm. Debian's packages are not in rpm's books, so it knows of nothing
# that is required, and it wants to be told that this is no mistake.
# What every system of rpm has, by its package filesystem.
mkdir -p /usr/share/licenses
rpm_here() { rpm --force-debian "$@"; }
install_package() { rpm_here --upgrade --nodeps "/packages/$1"; }
remove_package() { rpm_here --erase "$unit"; }
last_steps() {
  echo "settings of before: named $(grep -c env.rpmsave /tmp/again)"
  grep -o ^VABUS_URL=http /etc/vabus-data-handler/env.rpmsave
  systemctl disable --quiet "$unit"
  rpm_here --upgrade --nodeps --oldpackage /packages/old > /tmp/downgrade 2>&1
  echo "another version: exit $?, $(systemctl is-enabled "$unit")"
  rpm_here --verify --nodeps "$unit"
  echo "as packaged: exit $?"
  remove_package > /tmp/remove 2>&1
  echo "remove: exit $?, says what stays: $(grep -c '^  rm -rf' /tmp/remove)"
  sh -c "$(grep '^  rm -rf' /tmp/remove)" > /tmp/clean 2>&1
  files > /tmp/after
  echo "what it says done: exit $?, left behind: $(diff /tmp/before /tmp/after | grep -c '^[<>]')"
  diff /tmp/before /tmp/after | grep '^[<>]'
}
