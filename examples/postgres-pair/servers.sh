# What pair.sh and actuator.sh both need: read by them, not run.
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/ports.env"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
PATH=${bin:+$bin:}$PATH

# PostgreSQL refuses to run as root.
as_owner() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
owned() { if [ "$(id -u)" = 0 ]; then chown postgres "$@"; fi; }

port_of() { case $1 in orders-a) echo "$PORT_A" ;; orders-b) echo "$PORT_B" ;; *) exit 2 ;; esac; }

# Every process of a server works in its data folder, also one whose parent was killed.
processes_of() {
  for cwd in $(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$here/$1" 2>/dev/null); do
    if grep -qx postgres "${cwd%/cwd}/comm" 2>/dev/null; then basename "${cwd%/cwd}"; fi
  done
}

launch() {
  as_owner pg_ctl -D "$here/$1" -l "$here/$1.log" -W -s start \
    -o "-c config_file=$here/$1.conf" </dev/null >/dev/null
}

# The configuration is not in the data folder, because pg_rewind overwrites what is there.
follow() {
  echo "primary_conninfo = 'host=127.0.0.1 port=$(port_of "$2") user=standfast application_name=$1'" \
    >"$here/$1.follow.conf"
  touch "$here/$1/standby.signal"
  owned "$here/$1.follow.conf" "$here/$1/standby.signal"
}
