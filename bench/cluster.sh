# A throw-away PostgreSQL server and small tools for the scripts of this folder; to be sourced.
# shellcheck shell=bash
#
# The server is reachable through a socket in a temporary folder only. It is stopped and the folder
# is removed when the script ends, however it ends. Root makes the machine a server's for that time,
# unless BENCH_AS_IT_IS=yes: with huge pages, as servers of large tables have them, and without a
# scheduling group for each session, so that pgbench is no rival of the whole server for a processor,
# as clients on other machines are none.

set -euo pipefail
shopt -s inherit_errexit
bench_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(realpath -m "${PG_RESTRUCTURE:-$bench_root/build/tools/pg_restructure}")
if [[ ! -x $program ]]; then
  echo "$program is not there" >&2
  echo "HINT: cmake -B build && cmake --build build, or set PG_RESTRUCTURE to the program" >&2
  exit 2
fi
"$bench_root/tools/install_packages.sh" bench

programs=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
programs=${PG_PROGRAMS:-${programs:-$(pg_config --bindir)}}
PATH=$programs:$PATH
folder= # of the cluster, and for whatever a script needs
children=()

# The comment at the head of the script.
Usage() {
  awk 'NR > 1 { if (!/^#/ || /^# shellcheck/) exit; sub(/^# ?/, ""); print }' "$0" >&2
  exit 2
}

# Runs a command as the owner of the cluster: PostgreSQL does not run as root.
AsOwner() {
  if ((EUID == 0)); then
    (cd / && setpriv --reuid postgres --regid postgres --init-groups "$@")
  else
    "$@"
  fi
}

# Enough for the buffers of a primary and a standby, if there is memory to spare.
huge_pages_before=
autogroup_before=
readonly huge_pages=/proc/sys/vm/nr_hugepages autogroup=/proc/sys/kernel/sched_autogroup_enabled
ReserveHugePages() {
  local wanted=700 spare # of 2 MB
  grep -q '^Hugepagesize: *2048 kB' /proc/meminfo || return 0
  spare=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
  [[ -w $huge_pages ]] || return 0
  ((spare > 4 * 2 * wanted && $(<"$huge_pages") < wanted)) || return 0
  huge_pages_before=$(<"$huge_pages")
  echo "$wanted" >"$huge_pages"
}
LeaveGroups() {
  [[ -w $autogroup && $(<"$autogroup") != 0 ]] || return 0
  autogroup_before=$(<"$autogroup")
  echo 0 >"$autogroup"
}
ReturnMachine() {
  [[ -z $huge_pages_before ]] || echo "$huge_pages_before" >"$huge_pages"
  [[ -z $autogroup_before ]] || echo "$autogroup_before" >"$autogroup"
  huge_pages_before=
  autogroup_before=
}

StopCluster() {
  local child data
  trap '' INT TERM HUP
  for child in ${children[@]+"${children[@]}"}; do
    kill -KILL "$child" 2>/dev/null || true
  done
  [[ -n $folder ]] || return 0
  for data in "$folder/standby" "$folder/data"; do
    [[ ! -d $data ]] ||
      AsOwner "$programs/pg_ctl" -D "$data" -m immediate -w stop >/dev/null 2>&1 || true
  done
  ReturnMachine
  if [[ -n ${BENCH_KEEP_LOGS:-} ]]; then
    mkdir -p "$BENCH_KEEP_LOGS"
    find "$folder" -maxdepth 1 -type f -exec cp {} "$BENCH_KEEP_LOGS" \; || true
  fi
  rm -rf "$folder"
  folder=
}

# StartCluster [LINE...]: lines for postgresql.conf besides those below.
StartCluster() {
  trap StopCluster EXIT
  trap 'exit 130' INT TERM HUP
  folder=$(mktemp -d "${BENCH_FOLDER:-/tmp}/pg_restructure_bench_XXXXXX")
  ((EUID != 0)) || chown postgres: "$folder"
  if [[ ${BENCH_AS_IT_IS:-no} == no ]]; then
    ReserveHugePages
    LeaveGroups
  fi
  AsOwner "$programs/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 \
    --no-locale --no-sync >"$folder/initdb.log"
  {
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$folder'" \
      'shared_buffers = 1GB' 'maintenance_work_mem = 256MB' 'max_wal_size = 16GB' \
      'checkpoint_timeout = 30min' "$@"
    # Containers often have too small a /dev/shm for a parallel index build.
    (($(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) > 512 * 1024)) ||
      echo 'dynamic_shared_memory_type = mmap'
  } >>"$folder/data/postgresql.conf"
  AsOwner "$programs/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w start >/dev/null
  unset "${!PG@}"
  export PGHOST=$folder PGPORT=5432 PGUSER=bench PGDATABASE=bench
  psql -XqU postgres -d postgres -v ON_ERROR_STOP=1 -c 'CREATE ROLE bench LOGIN' \
    -c 'GRANT pg_monitor TO bench' -c 'CREATE DATABASE bench OWNER bench'
}

# A streaming standby, at port 5433 of the same folder; the WAL that it lacks is kept for it.
StartStandby() {
  AsOwner "$programs/pg_basebackup" -h "$folder" -U postgres -D "$folder/standby" -c fast -R \
    -C -S standby >"$folder/basebackup.log" 2>&1
  printf '%s\n' 'port = 5433' 'shared_buffers = 256MB' >>"$folder/standby/postgresql.conf"
  AsOwner "$programs/pg_ctl" -D "$folder/standby" -l "$folder/standby.log" -w start >/dev/null
  AwaitStandby 60
}

# AwaitStandby SECONDS: until it has replayed nearly all that there is.
AwaitStandby() {
  local deadline=$((SECONDS + $1))
  until [[ $(Ask "SELECT bool_or(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) < 1048576)
                  FROM pg_stat_replication") == t ]]; do
    if ((SECONDS >= deadline)); then
      echo "the standby did not catch up in $1 s" >&2
      tail -n 3 "$folder/standby.log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

# One query; the answer unaligned.
Ask() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }

# Statements from standard input.
Sql() { psql -Xq -v ON_ERROR_STOP=1; }

Checkpoint() { psql -XAtqU postgres -d postgres -c CHECKPOINT; }

Now() { date +%s.%N; }

# Since START
Since() { awk -v a="$1" -v b="$(Now)" 'BEGIN { printf "%.3f", b - a }'; }

# Ratio A B [DIGITS]
Ratio() { awk -v a="$1" -v b="$2" -v d="${3:-3}" 'BEGIN { printf("%." d "f", (b > 0 ? a / b : 0)) }'; }

# Percentile P: of the numbers on standard input, by nearest rank; "-" if there is none.
Percentile() {
  tr -s ' ' '\n' | sort -g | awk -v p="$1" 'NF { v[++n] = $1 }
    END { if (!n) { print "-"; exit }
          r = p * n / 100; i = int(r); if (i < r) ++i; if (i < 1) i = 1; print v[i] }'
}

TableHead() { printf '%-50s %10s %10s %10s  %s\n' "$1" min median max "${2:-}"; }

# TableRow NAME VALUES [LIMIT]: VALUES is one list of words. With a LIMIT, the median is held against
# it, and a miss makes the script fail at its end. Where the largest is twice the smallest, the
# median says little, and the row says so.
misses=0
TableRow() {
  local name=$1 values=$2 limit=${3:-} verdict='' low middle high
  low=$(Percentile 0 <<<"$values")
  middle=$(Percentile 50 <<<"$values")
  high=$(Percentile 100 <<<"$values")
  [[ -z $limit ]] || verdict=$(Verdict "$middle" "$limit")
  if [[ -n $limit ]] && awk -v a="$low" -v b="$high" 'BEGIN { exit b > 2 * a ? 0 : 1 }'; then
    verdict+=', UNSTEADY'
  fi
  printf '%-50s %10s %10s %10s  %s\n' "$name" "$low" "$middle" "$high" "$verdict"
  [[ $verdict != *MISSED* ]] || misses=$((misses + 1))
}

# Figure NAME VALUE [LIMIT]: the same for a single value.
Figure() {
  local verdict=''
  [[ -z ${3:-} ]] || verdict=$(Verdict "$2" "$3")
  printf '%-50s %10s  %s\n' "$1" "$2" "$verdict"
  [[ $verdict != *MISSED* ]] || misses=$((misses + 1))
}

Verdict() {
  awk -v x="$1" -v limit="$2" 'BEGIN {
    printf "at most %s: %s", limit, x ~ /^[0-9]/ && x + 0 <= limit + 0 ? "ok" : "MISSED" }'
}

# Stolen and all: what the processors have spent so far.
ProcessorTimes() { awk '/^cpu / { for (i = 2; i <= 9; ++i) all += $i; print $9, all }' /proc/stat; }
processor_times=$(ProcessorTimes)

# What was measured where, for the README.
Machine() {
  local cpu
  cpu=$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)
  echo "$(nproc) cores (${cpu:-unknown}), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' \
    /proc/meminfo), $(psql --version | awk '{ print $3 }'), $(date +%F), $(HugePages) huge pages"
}

# Whether the server has its buffers in them.
HugePages() {
  local postmaster
  postmaster=$(head -n 1 "$folder/data/postmaster.pid")
  awk '/^KernelPageSize:/ && $2 >= 2048 { huge = 1 } END { print (huge ? "with" : "without") }' \
    "/proc/$postmaster/smaps"
}

# Where other machines took much of the processors' time, latencies say little.
Finish() {
  echo "load average at the end: $(cut -d ' ' -f 1-3 /proc/loadavg); taken by other machines: $(
    { echo "$processor_times" && ProcessorTimes; } | awk 'NR == 1 { stolen = $1; all = $2 }
      END { printf "%.1f", ($2 > all ? ($1 - stolen) / ($2 - all) * 100 : 0) }') % of the processors"
  ((misses == 0)) || {
    echo "$misses missed"
    exit 1
  }
}

# Traffic PREFIX ARGUMENT...: pgbench in the background with 8 clients; its transactions are logged
# into $folder/PREFIX.*, its messages into $folder/PREFIX.log. Its process is in $traffic.
Traffic() {
  local prefix=$1
  shift
  pgbench -n -c 8 -j 2 -M prepared -T 86400 -l --log-prefix "$folder/$prefix" "$@" \
    >"$folder/$prefix.log" 2>&1 &
  traffic=$!
  children+=("$traffic")
}

# EndTraffic: SIGALRM is how pgbench ends its own time: in order, and with its logs written.
EndTraffic() {
  kill -ALRM "$traffic"
  wait "$traffic" || true
}

# FullSpeed ARGUMENT...: transactions per second without a rate.
FullSpeed() {
  pgbench -n -c 8 -j 2 -M prepared -T 5 "$@" 2>/dev/null | awk '/^tps/ { printf "%d", $3 }'
}

# Latencies PREFIX [FROM TO]: in ms, of the transactions that ended between two epochs.
Latencies() {
  cat "$folder/$1".[0-9]* | awk -v from="${2:-0}" -v to="${3:-9e18}" \
    '{ t = $5 + $6 / 1e6 } t >= from && t < to && $3 ~ /^[0-9]+$/ { printf "%.3f\n", $3 / 1e3 }'
}

# Transactions PREFIX: how many were logged.
Transactions() { cat "$folder/$1".[0-9]* | wc -l; }

# FailedTransactions PREFIX: those logged as failed, and those that ended their client.
FailedTransactions() {
  local logged aborted
  logged=$(cat "$folder/$1".[0-9]* | awk '$3 !~ /^[0-9]+$/' | wc -l)
  aborted=$(grep -c 'client .* aborted' "$folder/$1.log" || true)
  echo $((logged + aborted))
}

# Watches, 100 times a second, who waits behind a session of the tool. A wait ends at most one look
# after it was last seen. Started by WatchWaits; the waits are in the table wait_seen.
WatchWaits() {
  Sql <<'SQL'
CREATE UNLOGGED TABLE wait_seen (pid int, since timestamptz, seen timestamptz, query text);
CREATE PROCEDURE watch_waits() LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    INSERT INTO wait_seen
      SELECT l.pid, l.waitstart, clock_timestamp(), a.query
      FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE NOT l.granted AND a.application_name NOT LIKE 'pg_restructure job %'
        AND EXISTS (SELECT FROM unnest(pg_blocking_pids(l.pid)) b
                    JOIN pg_stat_activity o ON o.pid = b
                    WHERE o.application_name LIKE 'pg_restructure job %');
    COMMIT;
    PERFORM pg_sleep(0.01);
    COMMIT;
  END LOOP;
END $$;
SQL
  psql -Xq -c 'CALL watch_waits()' >"$folder/watch.log" 2>&1 &
  children+=("$!")
}

# LongestWaits [SINCE_EPOCH]: each wait seen, in ms.
LongestWaits() {
  Ask "SELECT round(extract(epoch FROM max(seen) - since) * 1000, 1) FROM wait_seen
       WHERE since >= to_timestamp(${1:-0}) GROUP BY pid, since"
}
