# What bench/throttle looks at while it runs, and what it makes of that; to be sourced.
# shellcheck shell=bash disable=SC2154  # What it refers to is in the script and in cluster.sh.
#
# A run NAME, way_phase_round, has left in $folder: the logs of its pgbenches, NAME_*; NAME.csv, the
# decisions; NAME.events: epochs of its begin, of more load or a block that came and went, and of
# its end. The table seen has, 10 times a second, what the server said at that moment.

# Milliseconds from one epoch to another; 0 if it is not after it.
Ms() { awk -v a="$1" -v b="$2" 'BEGIN { d = (b - a) * 1000; printf "%.0f\n", (d > 0 ? d : 0) }'; }

WatchAll() {
  Sql <<'SQL'
-- Whatever the tool's sessions are in the middle of, but for those that only look on.
CREATE VIEW ours AS
  SELECT split_part(application_name, ' ', 3)::bigint AS job_id, application_name, query
  FROM pg_stat_activity
  WHERE application_name LIKE 'pg\_restructure job %' AND state <> 'idle'
    AND application_name !~ ' (keeper|sampler)(,|$)';
CREATE UNLOGGED TABLE seen (at timestamptz PRIMARY KEY, wal bigint, replayed bigint, ours int,
  rows bigint, active int, who text);
CREATE INDEX ON seen (wal, at);
CREATE PROCEDURE watch_all() LANGUAGE plpgsql AS $$
BEGIN
  SET synchronous_commit = off;
  LOOP
    INSERT INTO seen
      SELECT clock_timestamp(), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'),
        (SELECT pg_wal_lsn_diff(replay_lsn, '0/0') FROM pg_stat_replication LIMIT 1),
        (SELECT count(*) FROM ours),
        (SELECT coalesce(sum(b.rows), 0) FROM restructure.jobs j JOIN restructure.batch b
           USING (job_id) WHERE j.open AND b.done),
        (SELECT count(*) FROM pg_stat_activity
         WHERE state = 'active' AND application_name = 'pgbench'),
        (SELECT string_agg(application_name || ': ' || left(query, 60), '; ') FROM ours);
    COMMIT;
    PERFORM pg_sleep(0.1);
    COMMIT;
  END LOOP;
END $$;
-- Until a job has copied rows, so long at most; whether it has.
CREATE PROCEDURE await_rows(seconds int, INOUT copied bool DEFAULT false) LANGUAGE plpgsql AS $$
DECLARE
  until timestamptz := clock_timestamp() + seconds * interval '1 s';
BEGIN
  WHILE NOT copied AND clock_timestamp() < until LOOP
    copied := EXISTS (SELECT FROM restructure.jobs j JOIN restructure.batch b USING (job_id)
                      WHERE j.open AND b.done AND b.rows > 0);
    COMMIT;
    PERFORM pg_sleep(0.05);
    COMMIT;
  END LOOP;
END $$;
-- When something of the job was last under way, as an epoch; looks on for so long.
CREATE FUNCTION last_activity(job bigint, lasting interval) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
  since timestamptz := clock_timestamp();
  last timestamptz := since;
BEGIN
  WHILE clock_timestamp() < since + lasting LOOP
    PERFORM pg_stat_clear_snapshot();
    IF EXISTS (SELECT FROM ours o WHERE o.job_id = job) THEN last := clock_timestamp(); END IF;
    PERFORM pg_sleep(0.005);
  END LOOP;
  RETURN extract(epoch FROM last);
END $$;
SQL
  psql -Xq -c 'CALL watch_all()' >"$folder/watch.log" 2>&1 &
  children+=("$!")
}

# Event NAME N: the first is 1.
Event() { cut -d ' ' -f "$2" "$folder/$1.events"; }

Ran() { [[ -s $folder/$1.events ]]; }

# The transactions of a run that ended in it: second and latency in ms.
InRun() {
  cat "$folder/$1"_[0-9]*.[0-9]* | awk -v from="${2:-$(Event "$1" 1)}" \
    -v to="${3:-$(Event "$1" 4)}" '{ t = $5 + $6 / 1e6 }
      t >= from && t < to && $3 ~ /^[0-9]+$/ { printf "%d %.3f\n", t - from, $3 / 1e3 }'
}

LatenciesOf() { InRun "$@" | cut -d ' ' -f 2; }

# The 95th percentile of each second of a run, in ms; a second in which nothing ended has 9999.
BySecond() {
  InRun "$1" | sort -k 1,1n -k 2,2g | awk -v whole="$(Whole "$1")" '
    function Tell() { if (n && s < whole) { r = int(0.95 * n); if (r < 0.95 * n) ++r; p[s] = v[r] } }
    $1 != s { Tell(); s = $1; n = 0 }
    { v[++n] = $2 }
    END { Tell(); for (i = 0; i < whole; ++i) print (i in p ? p[i] : 9999) }'
}

# Whole seconds of a run.
Whole() { awk '{ print int($4 - $1) }' "$folder/$1.events"; }

# ActiveP95 NAME: pgbench's sessions that were active at a time.
ActiveP95() {
  Soon "SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY active) FROM seen
        WHERE at BETWEEN to_timestamp($(Event "$1" 1)) AND to_timestamp($(Event "$1" 4))"
}

# The service level: 95 % of the transactions of a second within so many ms.
ServiceLevel() {
  local file name
  for file in "$folder"/none_steady_*.events; do
    name=${file##*/}
    BySecond "${name%.events}"
  done | Percentile 50 | awk '{
    more = $1 < 5 ? $1 : 5
    printf "%.2f", ($1 * 0.5 > more ? $1 * 1.5 : $1 + more) }'
}

# SecondsOver NAME
SecondsOver() { BySecond "$1" | awk -v level="$level" '$1 > level { ++n } END { print n + 0 }'; }

# RowsPerSecond FROM TO: that the job has copied.
RowsPerSecond() {
  Soon "SELECT coalesce(round((max(rows) - min(rows))
          / extract(epoch FROM max(at) - min(at))), 0)::bigint
        FROM seen WHERE at BETWEEN to_timestamp($1) AND to_timestamp($2)"
}

# LagP95 NAME: of the standby in a run, in ms: how long ago the primary was where it is.
LagP95() {
  Soon "SELECT round(1000 * percentile_cont(0.95) WITHIN GROUP (ORDER BY CASE
          WHEN s.replayed >= s.wal THEN 0 ELSE extract(epoch FROM s.at - p.at) END)::numeric)
        FROM seen s CROSS JOIN LATERAL (SELECT at FROM seen WHERE wal <= s.replayed
          ORDER BY wal DESC, at DESC LIMIT 1) p
        WHERE s.at BETWEEN to_timestamp($(Event "$1" 1)) AND to_timestamp($(Event "$1" 4))"
}

# ResumeAfter NAME [SECONDS]: from the third event on, in seconds, until two seconds in a row see
# 80 % of the rows that two seconds before the second event saw, on an average of so many of them.
ResumeAfter() {
  local before up down to
  read -r _ up down to <"$folder/$1.events"
  before=$(RowsPerSecond "$(awk -v up="$up" -v s="${2:-8}" 'BEGIN { print up - s }')" "$up")
  Soon "SELECT coalesce(round(min(extract(epoch FROM s.at) - $down), 1)::text, '-')
        FROM seen s CROSS JOIN LATERAL (SELECT rows FROM seen WHERE at >= s.at + interval '2 s'
          ORDER BY at LIMIT 1) n
        WHERE s.at BETWEEN to_timestamp($down) AND to_timestamp($to - 2)
          AND n.rows - s.rows >= 0.8 * 2 * $before"
}

# StopAfter NAME: from the second event to the last moment before the third at which something of
# ours was under way, in seconds.
StopAfter() {
  local up down
  read -r _ up down _ <"$folder/$1.events"
  Soon "SELECT greatest(coalesce(round(max(extract(epoch FROM at)) - $up, 1), 0), 0) FROM seen
        WHERE ours > 0 AND at < to_timestamp($down)"
}

# The levels of a search: workers, rows per second, p95 in ms.
Levels() {
  local share from to
  while read -r share from to; do
    echo "$share $(RowsPerSecond "$from" "$to") $(LatenciesOf "$1" "$from" "$to" | Percentile 95)"
  done <"$folder/$1.levels"
}

# The best constant pace that keeps the service level, in rows per second.
BestPace() {
  awk -v level="$level" '$3 <= level && $2 > best { best = $2 } END { print best + 0 }' \
    "$folder/$1.paces"
}

# Could PHASE: rows per second with the best pace at each time of it; "-" without a search.
Could() {
  [[ -s $folder/sweep_1.paces ]] || {
    echo -
    return
  }
  awk -v low="$(BestPace sweep_1)" -v high="$(BestPace sweep_1.7)" -v phase="$1" 'BEGIN {
    part["steady"] = 0; part["step"] = 1 / 3; part["ramp"] = (0.25 + 0.5 + 0.75 + 1) / 6
    printf "%.0f", low + part[phase] * (high - low) }'
}

# Figures PHASE: of all runs of it, a file for each way and figure with a line for each round.
Figures() {
  local phase=$1 round way run alone name could p99 tps over rows lag
  could=$(Could "$phase")
  for ((round = 1; round <= rounds; ++round)); do
    alone=none_${phase}_$round
    for way in "${ways[@]}"; do
      run=${way}_${phase}_$round
      Ran "$run" || continue
      for name in "$alone" "$run"; do
        [[ -e $folder/$name.p99 ]] && continue
        LatenciesOf "$name" | Percentile 99 >"$folder/$name.p99"
        InRun "$name" | awk -v time="$(Whole "$name")" 'END { print NR / time }' >"$folder/$name.tps"
        SecondsOver "$name" >"$folder/$name.over"
        LagP95 "$name" >"$folder/$name.lag"
      done
      p99=$(<"$folder/$run.p99") tps=$(<"$folder/$run.tps")
      over=$(<"$folder/$run.over") lag=$(<"$folder/$run.lag") rows=0
      [[ $way == none ]] ||
        rows=$(RowsPerSecond "$(Event "$run" 1)" "$(Event "$run" 4)")
      Put p99 "$p99"
      Put times "$(Ratio "$p99" "$(<"$folder/$alone.p99")" 2)"
      Put lost "$(awk -v a="$tps" -v b="$(<"$folder/$alone.tps")" \
        'BEGIN { x = 100 * (1 - a / b); printf "%.2f", (x > 0 ? x : 0) }')"
      Put over "$(awk -v a="$over" -v b="$(<"$folder/$alone.over")" 'BEGIN { print a - b }')"
      Put lag "$(awk -v a="$lag" -v b="$(<"$folder/$alone.lag")" \
        'BEGIN { printf "%.0f", (a > b ? a - b : 0) }')"
      Put rows "$rows"
      [[ $could == - || $could == 0 ]] || Put used "$(Ratio $((100 * rows)) "$could" 0)"
      [[ $phase != step || $way == none ]] || Put resume "$(ResumeAfter "$run" "$(Before)")"
    done
  done
}

# Of the pace before a step: half of that time.
Before() { awk -v s="$seconds" 'BEGIN { printf "%.1f", s / 6 }'; }

# In Figures: adds to a figure of the present way and phase. ListOf WAY PHASE FIGURE has them in one
# line, Middle their median.
Put() { echo "$2" >>"$folder/figure_${way}_${phase}_$1"; }
ListOf() {
  local file=$folder/figure_$1_$2_$3
  [[ ! -e $file ]] || tr '\n' ' ' <"$file"
}
Middle() { ListOf "$@" | Percentile 50; }

ReportPhases() {
  local phase way figure
  Ran none_steady_1 || Ran none_step_1 || Ran none_ramp_1 || return 0
  echo
  echo "service level: 95 % of a second's transactions within $level ms"
  printf '%-8s %-8s %9s %9s %9s %9s %9s %9s %9s %9s\n' phase way 'p99, ms' 'x none' 'lost, %' \
    'over, s' 'lag, ms' rows/s 'used, %' 'resume, s'
  for phase in steady step ramp; do
    Ran "none_${phase}_1" || continue
    Figures "$phase"
    for way in "${ways[@]}"; do
      printf '%-8s %-8s' "$phase" "$way"
      for figure in p99 times lost over lag rows used resume; do
        printf ' %9s' "$(Middle "$way" "$phase" "$figure")"
      done
      echo
    done
  done
  echo
  TableHead 'default profile' limit
  for phase in steady step ramp; do
    Ran "none_${phase}_1" || continue
    TableRow "$phase: foreground throughput lost, %" "$(ListOf default "$phase" lost)" 5
    TableRow "$phase: p99, against none" "$(ListOf default "$phase" times)" 1.5
    TableRow "$phase: replica lag added, p95, ms" "$(ListOf default "$phase" lag)" 1000
    ReportOver "$phase"
  done
  [[ ! -e $folder/figure_default_step_resume ]] ||
    TableRow 'step: back at 80 % of the pace, s' "$(ListOf default step resume)" 5
  [[ ! -e $folder/costs ]] || {
    TableRow 'sampler, % of a core' "$(cut -d ' ' -f 1 "$folder/costs" | tr '\n' ' ')" 0.5
    TableRow 'keeper, % of a core' "$(cut -d ' ' -f 2 "$folder/costs" | tr '\n' ' ')"
  }
}

# Seconds over the service level that are ours: none in steady load, 5 in a step; utilisation.
ReportOver() {
  local over
  over=$(ListOf default "$1" over | awk '{ for (i = 1; i <= NF; ++i) print ($i > 0 ? $i : 0) }' |
    tr '\n' ' ')
  case "$1" in
    steady) TableRow 'steady: seconds over the service level, ours' "$over" 0 ;;
    *) TableRow "$1: seconds over the service level, ours" "$over" 5 ;;
  esac
  [[ ! -e $folder/figure_default_$1_used ]] ||
    FigureAtLeast "$1: of the rows that were possible, %" "$(Middle default "$1" used)" 75
}

FigureAtLeast() {
  local verdict=MISSED
  if awk -v x="$2" -v limit="$3" 'BEGIN { exit x >= limit ? 0 : 1 }'; then verdict=ok; fi
  printf '%-50s %10s  at least %s: %s\n' "$1" "$2" "$3" "$verdict"
  [[ $verdict == ok ]] || misses=$((misses + 1))
}

# Whether the baselines are worse on both: rows that could have been copied within the service
# level, and seconds over it.
ReportBaselines() {
  local phase way
  [[ -e $folder/figure_default_steady_used || -e $folder/figure_default_step_used ]] || return 0
  echo
  for phase in steady step ramp; do
    [[ -e $folder/figure_default_${phase}_used ]] || continue
    for way in fixed onoff; do
      awk -v way="$way" -v phase="$phase" -v a="$(Middle default "$phase" used)" \
        -v b="$(Middle "$way" "$phase" used)" -v c="$(Middle default "$phase" over)" \
        -v d="$(Middle "$way" "$phase" over)" 'BEGIN {
          printf "%s, %s against default: utilisation %s (%d %% against %d %%), ", phase, way,
            (b < a ? "worse" : "not worse"), b, a
          printf "seconds over %s (%d against %d)\n", (d > c ? "worse" : "not worse"), d, c }'
    done
  done
}

ReportSweep() {
  local load
  for load in 1 1.7; do
    [[ -s $folder/sweep_$load.levels ]] || return 0
    Levels "sweep_$load" >"$folder/sweep_$load.paces"
    echo
    echo "constant paces at x$load of the load: workers, rows/s, p95 in ms; within the service" \
      "level at most $(BestPace "sweep_$load") rows/s"
    awk '{ printf "  %5s %9s %9s\n", $1, $2, $3 }' "$folder/sweep_$load.paces"
  done
}

ReportBlocked() {
  local what limit
  Ran stall || Ran receiver || Ran sampler || return 0
  echo
  for what in stall receiver sampler; do
    Ran "$what" || continue
    case "$what" in
      stall) limit=2 && echo "replay paused for $stall s: $(<"$folder/$what.reason")" ;;
      receiver) limit=2 && echo "walreceiver stopped for 20 s: $(<"$folder/$what.reason")" ;;
      # What is known is let grow 10 s old.
      sampler) limit=11 && echo "sampler stopped for 20 s: $(<"$folder/$what.reason")" ;;
    esac
    Figure '  nothing of ours runs after, s' "$(StopAfter "$what")" "$limit"
    Figure '  back at 80 % of the pace after its end, s' "$(ResumeAfter "$what")" 5
  done
}

ReportStops() {
  local kind
  [[ -e $folder/stops_pause ]] || return 0
  echo
  printf '%-50s %10s %10s\n' "stops, decision to nothing of ours under way, ms" p50 p99
  for kind in pause panic limit noticed; do
    printf '%-50s %10s %10s\n' "  $kind" "$(Percentile 50 <"$folder/stops_$kind")" \
      "$(Percentile 99 <"$folder/stops_$kind")"
  done
  Figure "p99 of $(cat "$folder"/stops_{pause,panic,limit} | wc -l) stops, ms" \
    "$(cat "$folder"/stops_{pause,panic,limit} | Percentile 99)" 300
}

# Windows of a minute, gaps of a minute. A batch that is under way when the window closes, and what
# watches, are allowed a quarter of a second.
ReportWindow() {
  local open to gap
  Ran window || return 0
  read -r open to <"$folder/window.events"
  gap="(extract(epoch FROM s.at) - $open)::numeric % 120 BETWEEN 60.25 AND 119.9"
  local of="s.at BETWEEN to_timestamp($open) AND to_timestamp($to)"
  echo
  Figure 'window: seconds from the first window on' "$(Ratio "$(Ms "$open" "$to")" 1000 0)"
  FigureAtLeast 'window: windows that it took' "$(awk -v a="$open" -v b="$to" \
    'BEGIN { print int((b - a) / 120) + 1 }')" 2
  Figure 'window: looks that saw us at work in a gap' \
    "$(Soon "SELECT count(*) FROM seen s WHERE $of AND $gap AND s.ours > 0")" 0
  Figure 'window: rows copied in a gap' "$(Soon "SELECT coalesce(sum(greatest(more, 0)), 0)
    FROM (SELECT s.at, s.rows - lag(s.rows) OVER (ORDER BY s.at) AS more FROM seen s WHERE $of) s
    WHERE $gap")" 0
  # Autovacuum writes, too, and heeds no window.
  Figure 'window: WAL of the whole server in a gap, kB/s' "$(Soon "SELECT coalesce(round(sum(more) / 1024
      / nullif(sum(took), 0)), 0) FROM (SELECT s.at, s.wal - lag(s.wal) OVER w AS more,
        extract(epoch FROM s.at - lag(s.at) OVER w) AS took FROM seen s WHERE $of
        WINDOW w AS (ORDER BY s.at)) s WHERE $gap")"
  Figure 'window: differences found' "$(jq .differences "$folder/window.json")" 0
}

Report() {
  level=$(ServiceLevel)
  ReportSweep
  ReportPhases
  ReportBaselines
  ReportBlocked
  ReportStops
  ReportWindow
  "$program" doctor || misses=$((misses + 1))
}
