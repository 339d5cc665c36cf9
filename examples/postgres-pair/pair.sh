#!/bin/bash
# A PostgreSQL primary, its replica and an HAProxy in this folder: pair.sh up | down.
set -eu
. "$(dirname "$0")/servers.sh"

configure() {
  cat >"$here/$1.conf" <<CONF
port = $(port_of "$1")
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_log_hints = on
wal_keep_size = '256MB'
wal_retrieve_retry_interval = '200ms'
wal_sender_timeout = '3s'
wal_receiver_status_interval = '1s'
shared_buffers = '32MB'
include_if_exists '$here/$1.follow.conf'
CONF
}

up() {
  configure orders-a
  configure orders-b
  mkdir "$here/orders-a" "$here/orders-b"
  chmod 700 "$here/orders-a" "$here/orders-b"
  touch "$here/orders-a.log" "$here/orders-b.log"
  owned "$here"/orders-*
  # `trust` is for a toy on loopback: real servers have passwords, and cluster.toml a password_file.
  as_owner initdb -D "$here/orders-a" -U standfast --auth=trust -k >/dev/null
  launch orders-a
  for _ in $(seq 300); do pg_isready -q -h 127.0.0.1 -p "$PORT_A" && break; sleep 0.1; done
  as_owner pg_basebackup -D "$here/orders-b" -X stream -c fast -d "host=127.0.0.1 port=$PORT_A user=standfast"
  follow orders-b orders-a
  launch orders-b
  cat >"$here/haproxy.cfg" <<CONF
global
    stats socket unix@$here/haproxy.sock mode 600 level admin
    stats timeout 1h
defaults
    mode tcp
    # Over loopback: a short pause before the next try, and many tries, so that who comes waits.
    timeout connect 50ms
    retries 100
    option redispatch 1
    timeout client 1h
    timeout server 1h
listen orders
    bind 127.0.0.1:$PORT_PROXY
    server orders-a 127.0.0.1:$PORT_A disabled
    server orders-b 127.0.0.1:$PORT_B disabled
CONF
  haproxy -D -f "$here/haproxy.cfg" -p "$here/haproxy.pid"
}

down() {
  if [ -f "$here/haproxy.pid" ]; then kill "$(cat "$here/haproxy.pid")" || true; fi
  for node in orders-a orders-b; do
    left=$(processes_of "$node")
    if [ -n "$left" ]; then kill -9 $left || true; fi
  done
}

case ${1:-} in
up) up ;;
down) down ;;
*)
  echo "usage: pair.sh up | down" >&2
  exit 2
  ;;
esac
