#include "catalog/schema_steering.h"

namespace catalog {

const char kSchemaSteering[] = R"sql(
ALTER TABLE restructure.job ADD COLUMN panic_requested boolean NOT NULL DEFAULT false,
  ADD COLUMN begun_with jsonb NOT NULL DEFAULT '{}';  -- of its present run, by adjustable key

CREATE OR REPLACE VIEW restructure.jobs AS
  SELECT job_id, kind, name, phase, open, outcome, goal, pause_requested, holder, lease_until,
         lease_until > pg_catalog.clock_timestamp() AS is_running, error, soak_until, progress,
         summary, created_at, swapped_at, finished_at, panic_requested, begun_with
  FROM restructure.job;

-- The run options that may be changed while a job runs, as the command line has them.
CREATE TABLE restructure.adjustable (
  key text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('number', 'duration', 'size', 'switch', 'share or a time')),
  low text, high text);
INSERT INTO restructure.adjustable VALUES
  ('workers', 'number', '1', '64'), ('batch-target', 'duration', '1ms', '1m'),
  ('replica-lag', 'duration', '0', '24h'), ('replica-lag-bytes', 'size', '0', '1024TB'),
  ('active-sessions', 'number', '0', '100000'), ('wait-for-us', 'duration', '0', '1m'),
  ('controller', 'switch', NULL, NULL), ('impact', 'share or a time', '1%', '1m');

CREATE TABLE restructure.adjustment (
  job_id bigint NOT NULL REFERENCES restructure.job ON DELETE CASCADE,
  key text NOT NULL REFERENCES restructure.adjustable,
  value text NOT NULL,
  amount double precision NOT NULL,  -- the value in milliseconds or bytes; on is 1
  until timestamptz,                 -- NULL: until it is reset
  made_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  made_by text NOT NULL DEFAULT session_user,
  PRIMARY KEY (job_id, key));

CREATE VIEW restructure.adjustments AS
  SELECT job_id, key, value, until, made_at, made_by FROM restructure.adjustment
  WHERE until IS NULL OR until > pg_catalog.clock_timestamp();
COMMENT ON VIEW restructure.adjustments IS
  'what was changed of a job while it runs, and until when; see function restructure.adjust';
GRANT SELECT ON restructure.adjustments TO PUBLIC;

-- NULL: the text is no such value. A share of p % is p / 10000, which no time in milliseconds is.
CREATE FUNCTION restructure.amount(kind text, value text) RETURNS double precision
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
  part text[];
BEGIN
  IF kind = 'number' AND value ~ '^[0-9]{1,9}$' THEN
    RETURN value::double precision;
  ELSIF kind = 'duration'
        AND value ~ '^(0|([0-9]{1,6}([.][0-9]{1,6})?(ms|s|m|h))+)$' THEN
    RETURN 1000 * date_part('epoch', value::interval);
  ELSIF kind = 'size' THEN
    part := regexp_match(value, '^([0-9]{1,15})(b|kb|mb|gb|tb|)$', 'i');
    RETURN part[1]::double precision
      * 1024 ^ coalesce(array_position(ARRAY['kb', 'mb', 'gb', 'tb'], lower(part[2])), 0);
  ELSIF kind = 'share or a time' AND value ~ '^0*([1-9][0-9]{0,2}|1000)%$' THEN
    RETURN rtrim(value, '%')::double precision / 10000;
  ELSIF kind = 'share or a time' THEN
    RETURN (SELECT time FROM restructure.amount('duration', value) time WHERE time >= 1);
  ELSIF kind = 'switch' AND value IN ('on', 'off') THEN
    RETURN (value = 'on')::int;
  END IF;
  RETURN NULL;
END $f$;

CREATE FUNCTION restructure.check_open(job bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
  found_job restructure.jobs;
BEGIN
  SELECT * INTO found_job FROM restructure.jobs j WHERE j.job_id = check_open.job;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no job %', job USING ERRCODE = 'no_data_found',
      HINT = 'restructure.jobs lists the jobs of this database.';
  ELSIF NOT found_job.open THEN
    RAISE EXCEPTION 'job % on % is over: %', job, found_job.name, found_job.outcome
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'there is nothing to do.';
  END IF;
END $f$;

CREATE FUNCTION restructure.adjust(job bigint, key text, value text,
  lasting interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
  known restructure.adjustable;
  given double precision;
BEGIN
  PERFORM restructure.check_open(job);
  SELECT * INTO known FROM restructure.adjustable a WHERE a.key = adjust.key;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no key "%" that can be changed while a job runs', key
      USING ERRCODE = 'invalid_parameter_value', HINT = 'the keys are '
        || (SELECT string_agg(a.key, ', ' ORDER BY a.key) FROM restructure.adjustable a);
  END IF;
  DELETE FROM restructure.adjustment a
  WHERE a.job_id = job
    AND (a.until <= clock_timestamp() OR adjust.value IS NULL AND a.key = adjust.key);
  IF adjust.value IS NULL THEN
    RETURN;
  END IF;
  IF lasting <= interval '0' THEN
    RAISE EXCEPTION 'key %: a time of % is over at once', key, lasting
      USING ERRCODE = 'invalid_parameter_value', HINT = 'write e.g. interval ''10 minutes''';
  END IF;
  given := restructure.amount(known.kind, value);
  IF given IS NULL OR given < restructure.amount(known.kind, known.low)
     OR given > restructure.amount(known.kind, known.high) THEN
    RAISE EXCEPTION 'key %: "%" is not a %', key, value, known.kind
        || CASE known.kind WHEN 'switch' THEN ', on or off'
           ELSE format(' from %s to %s', known.low, known.high) END
      USING ERRCODE = 'invalid_parameter_value', HINT = CASE known.kind
        WHEN 'number' THEN 'write plain digits, e.g. 4'
        WHEN 'duration' THEN 'write a number and a unit: 250ms, 2s, 1.5s, 10m, 2h'
        WHEN 'share or a time' THEN 'write 50%, or 12ms'
        WHEN 'size' THEN 'write a number and a unit, or plain bytes: 64MB, 1GB, 1048576'
        ELSE 'write on or off' END;
  END IF;
  INSERT INTO restructure.adjustment AS a (job_id, key, value, amount, until)
  VALUES (job, key, value, given, clock_timestamp() + lasting)
  ON CONFLICT ON CONSTRAINT adjustment_pkey DO UPDATE SET value = excluded.value,
    amount = excluded.amount, until = excluded.until, made_at = excluded.made_at,
    made_by = excluded.made_by;
END $f$;
COMMENT ON FUNCTION restructure.adjust(bigint, text, text, interval) IS
  'gives a run option of a running job another value, for that long or until it is reset (NULL)';

-- Values that are right each for itself; a profile with them is refused in the same words.
-- Deferred: those changed in one transaction may contradict one another on the way.
CREATE FUNCTION restructure.check_adjustments() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
  target text;
  lag text;
BEGIN
  IF TG_OP = 'DELETE' AND OLD.until <= clock_timestamp() THEN
    RETURN NULL;
  END IF;
  SELECT coalesce(max(a.value) FILTER (WHERE a.key = 'batch-target'),
                  j.begun_with ->> 'batch-target'),
         coalesce(max(a.value) FILTER (WHERE a.key = 'replica-lag'),
                  j.begun_with ->> 'replica-lag') INTO target, lag
  FROM restructure.jobs j LEFT JOIN restructure.adjustments a USING (job_id)
  WHERE j.job_id = coalesce(NEW.job_id, OLD.job_id) GROUP BY j.begun_with;
  IF restructure.amount('duration', lag) > 0
     AND restructure.amount('duration', target) >= restructure.amount('duration', lag) THEN
    RAISE EXCEPTION 'batch-target % is not below replica-lag %', target, lag
      USING ERRCODE = 'invalid_parameter_value',
      HINT = 'one batch alone may keep a replica behind for as long as it takes';
  END IF;
  RETURN NULL;
END $f$;
CREATE CONSTRAINT TRIGGER check_adjustments AFTER INSERT OR UPDATE OR DELETE
  ON restructure.adjustment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION restructure.check_adjustments();

CREATE FUNCTION restructure.pause(job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
  PERFORM restructure.check_open(job);
  UPDATE restructure.job j SET pause_requested = true WHERE j.job_id = pause.job;
END $f$;
COMMENT ON FUNCTION restructure.pause(bigint) IS
  'no batch of the job begins any more, until it is resumed';

CREATE FUNCTION restructure.panic(job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
  PERFORM restructure.check_open(job);
  UPDATE restructure.job j SET pause_requested = true, panic_requested = true
  WHERE j.job_id = panic.job;
END $f$;
COMMENT ON FUNCTION restructure.panic(bigint) IS
  'cancels whatever the job runs; nothing of it goes on until it is resumed';

CREATE FUNCTION restructure.resume(job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
  PERFORM restructure.check_open(job);
  UPDATE restructure.job j SET pause_requested = false, panic_requested = false
  WHERE j.job_id = resume.job;
END $f$;
COMMENT ON FUNCTION restructure.resume(bigint) IS
  'takes a pause or a panic back; it does not start a process where none runs the job';

CREATE TABLE restructure.decision (
  job_id bigint NOT NULL REFERENCES restructure.job ON DELETE CASCADE,
  made_at timestamptz NOT NULL,
  pressure real NOT NULL, reason text NOT NULL, effective_workers real NOT NULL,
  workers int NOT NULL, rows_per_batch bigint NOT NULL, batch_seconds real NOT NULL,
  commit_seconds real, busy int);
CREATE INDEX decision_by_time ON restructure.decision (job_id, made_at);

CREATE VIEW restructure.decisions AS SELECT * FROM restructure.decision;
COMMENT ON VIEW restructure.decisions IS
  'why a job went at the pace at which it went: each change of the reason or the allowance';
GRANT SELECT ON restructure.decisions TO PUBLIC;

INSERT INTO restructure.version (version) VALUES (4)
)sql";

}  // namespace catalog
