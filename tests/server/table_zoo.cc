#include "tests/server/table_zoo.h"

#include "absl/strings/str_cat.h"
#include "tests/server/structure_dump.h"

namespace server {
namespace {

constexpr char kRoles[] = R"(
DO $$
DECLARE role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['zoo_owner', 'zoo_reader', 'zoo_writer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I', role);
    END IF;
  END LOOP;
END $$;
CREATE SCHEMA zoo AUTHORIZATION zoo_owner;
GRANT USAGE ON SCHEMA zoo TO PUBLIC;
)";

constexpr char kNeighbours[] = R"(
CREATE TYPE zoo.mood AS ENUM ('sad', 'so-so', 'Ha"pp''y');
CREATE TYPE zoo.place AS (street text, number numeric, spot point);
CREATE DOMAIN zoo.address AS text COLLATE "C" DEFAULT 'nobody@nowhere'
  CONSTRAINT has_an_at CHECK (VALUE LIKE '%@%');

CREATE TABLE zoo.colors (id integer PRIMARY KEY, visible boolean NOT NULL);
CREATE TABLE zoo.sizes (id integer PRIMARY KEY);
CREATE TABLE zoo.shops (country text, number integer, PRIMARY KEY (country, number));
INSERT INTO zoo.colors SELECT n, n % 2 = 0 FROM generate_series(1, 5) n;
INSERT INTO zoo.sizes SELECT generate_series(1, 5);
INSERT INTO zoo.shops SELECT 'DE', generate_series(1, 5);

CREATE TABLE zoo.audit (
  id bigint GENERATED ALWAYS AS IDENTITY, trigger_name text, relation text, operation text,
  timing text, level text);

-- Whoever writes is counted, and nothing else happens.
CREATE FUNCTION zoo.audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO zoo.audit (trigger_name, relation, operation, timing, level)
  VALUES (TG_NAME, format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME), TG_OP, TG_WHEN, TG_LEVEL);
  IF TG_LEVEL = 'STATEMENT' THEN RETURN NULL; END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
)";

// Columns go and come after there are rows, so that attribute numbers have holes and old rows lack
// the newest columns (a "fast default").
constexpr char kZooColumns[] = R"(
CREATE TABLE zoo.everything (
  doomed_first text DEFAULT 'gone',
  id bigint GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME zoo."Odd ""identity"" sequence"
    INCREMENT BY 7 MINVALUE -70 MAXVALUE 9000000000 START WITH 1001 CACHE 3 CYCLE) PRIMARY KEY,
  serial_no serial,
  "Mixed Case" text COLLATE "C" DEFAULT E'it''s "quoted" \\ and\nso on'
    CONSTRAINT "never missing" NOT NULL,
  "quote""d, 'name'" varchar(40) COLLATE "POSIX",
  "Sixty-three bytes: größe, ""quotes"" and a space, up to the end" integer,
  doomed integer NOT NULL DEFAULT 7,
  key uuid NOT NULL DEFAULT gen_random_uuid(),
  small smallint,
  amount numeric(12,3),
  total numeric GENERATED ALWAYS AS (amount * 2) STORED,
  bare numeric,
  real_value real,
  double_value double precision,
  at timestamptz(6) DEFAULT now(),
  on_day date,
  at_time timetz,
  took interval DEFAULT '1 month',
  flag boolean NOT NULL DEFAULT true,
  code char(7),
  bits bit varying(16),
  mood zoo.mood NOT NULL DEFAULT 'so-so',
  mail zoo.address,
  tags text[] DEFAULT '{}',
  matrix integer[][],
  span int4range,
  period tstzrange,
  spans int4multirange,
  doc jsonb,
  raw json,
  spot point,
  place zoo.place,
  net inet,
  blob bytea,
  packed text COMPRESSION pglz,
  long_text text,
  parent_id bigint,
  color_id integer DEFAULT 1,
  size_id integer,
  shop_country text DEFAULT 'DE',
  shop_number integer
);
INSERT INTO zoo.everything ("Mixed Case", serial_no, small, size_id, span)
VALUES ('regular', 0, 1, 1, '[-20,-15)'), ('violates what is not valid', -1, 0, 999, '[-10,-5)');

ALTER TABLE zoo.everything DROP COLUMN doomed, DROP COLUMN doomed_first;
ALTER TABLE zoo.everything ADD COLUMN added_later text NOT NULL DEFAULT 'since then';
ALTER TABLE zoo.everything ADD COLUMN added_number numeric DEFAULT 42.00;
ALTER TABLE zoo.everything ALTER COLUMN added_number SET DEFAULT 43;

ALTER TABLE zoo.everything
  ALTER COLUMN blob SET STORAGE EXTERNAL,
  ALTER COLUMN packed SET STORAGE MAIN,
  ALTER COLUMN serial_no SET STATISTICS 0,
  ALTER COLUMN "Mixed Case" SET STATISTICS 333,
  ALTER COLUMN added_number SET STATISTICS 1234,
  ALTER COLUMN color_id SET (n_distinct = -0.25, n_distinct_inherited = 17),
  ALTER COLUMN added_later SET (n_distinct = 3);

-- The identity has been used, and jumped; the serial belongs to the column.
SELECT setval('zoo."Odd ""identity"" sequence"', 70001);
ALTER SEQUENCE zoo.everything_serial_no_seq INCREMENT BY 3 CACHE 5 MAXVALUE 2000000000;
)";

constexpr char kZooConstraints[] = R"(
ALTER TABLE zoo.everything
  ADD CONSTRAINT small_is_small CHECK (small < 30000),
  ADD CONSTRAINT "Small, never ""zero""" CHECK (small <> 0) NOT VALID,
  ADD CONSTRAINT amounts_agree CHECK (total IS NULL OR total = amount * 2) NO INHERIT,
  ADD CONSTRAINT serial_unique UNIQUE (serial_no) DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT "Unique, with INCLUDE" UNIQUE ("Mixed Case", serial_no)
    INCLUDE (amount, flag) WITH (fillfactor = 77),
  ADD CONSTRAINT spans_apart EXCLUDE USING gist (span WITH &&) WHERE (span IS NOT NULL);

ALTER TABLE zoo.everything
  ADD CONSTRAINT of_color FOREIGN KEY (color_id) REFERENCES zoo.colors
    ON DELETE CASCADE ON UPDATE CASCADE,
  ADD CONSTRAINT of_size FOREIGN KEY (size_id) REFERENCES zoo.sizes NOT VALID,
  ADD CONSTRAINT of_shop FOREIGN KEY (shop_country, shop_number) REFERENCES zoo.shops
    ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES zoo.everything
    ON DELETE SET NULL;
)";

constexpr char kZooIndexes[] = R"(
CREATE UNIQUE INDEX everything_identity ON zoo.everything (key);
CREATE INDEX everything_partial ON zoo.everything (small DESC NULLS LAST) WHERE flag;
CREATE INDEX everything_expression ON zoo.everything
  (lower("Mixed Case") COLLATE "POSIX" text_pattern_ops, (amount + 1), md5(long_text))
  WITH (fillfactor = 71);
ALTER INDEX zoo.everything_expression ALTER COLUMN 2 SET STATISTICS 77;
CREATE INDEX "Everything's hash" ON zoo.everything USING hash (net);
CREATE INDEX everything_brin ON zoo.everything USING brin (at)
  WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX everything_doc ON zoo.everything USING gin (doc jsonb_path_ops)
  WITH (fastupdate = off);
CREATE INDEX everything_tags ON zoo.everything USING gin (tags);
CREATE INDEX everything_spgist ON zoo.everything USING spgist ("Mixed Case" COLLATE "C");
CREATE INDEX everything_parent ON zoo.everything (parent_id, id) INCLUDE (flag);
ALTER TABLE zoo.everything CLUSTER ON everything_parent;
ALTER TABLE zoo.everything REPLICA IDENTITY USING INDEX everything_identity;

ALTER TABLE zoo.everything SET (
  fillfactor = 83, autovacuum_vacuum_scale_factor = 0.07, parallel_workers = 3,
  toast_tuple_target = 256, toast.autovacuum_vacuum_threshold = 777,
  toast.vacuum_truncate = off);

CREATE STATISTICS zoo.everything_kinds (ndistinct, dependencies) ON small, flag, color_id
  FROM zoo.everything;
ALTER STATISTICS zoo.everything_kinds SET STATISTICS 55;
CREATE STATISTICS zoo."Everything's expressions" ON lower("Mixed Case"), (amount + 1)
  FROM zoo.everything;
)";

// The names give the order in which they fire. The last one's arguments are to be preserved.
constexpr char kTriggers[] = R"(
CREATE TRIGGER a_before_row BEFORE INSERT OR UPDATE ON zoo.everything
  FOR EACH ROW EXECUTE FUNCTION zoo.audit();
CREATE TRIGGER b_always BEFORE INSERT OR UPDATE OR DELETE ON zoo.everything
  FOR EACH STATEMENT EXECUTE FUNCTION zoo.audit();
CREATE TRIGGER c_of_columns AFTER UPDATE OF amount, "Mixed Case" ON zoo.everything
  FOR EACH ROW WHEN (OLD.amount IS DISTINCT FROM NEW.amount) EXECUTE FUNCTION zoo.audit();
CREATE TRIGGER d_transition AFTER UPDATE ON zoo.everything
  REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION zoo.audit();
CREATE TRIGGER e_disabled AFTER DELETE ON zoo.everything
  FOR EACH ROW EXECUTE FUNCTION zoo.audit();
CREATE TRIGGER f_replica AFTER INSERT ON zoo.everything
  FOR EACH STATEMENT EXECUTE FUNCTION zoo.audit();
CREATE CONSTRAINT TRIGGER g_constraint AFTER INSERT OR UPDATE ON zoo.everything
  FROM zoo.colors DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.flag) EXECUTE FUNCTION zoo.audit();
CREATE TRIGGER h_truncate AFTER TRUNCATE ON zoo.everything
  FOR EACH STATEMENT EXECUTE FUNCTION zoo.audit();
CREATE TRIGGER "Z, the ""last"" one" AFTER DELETE ON zoo.everything
  FOR EACH ROW EXECUTE FUNCTION zoo.audit('it''s', '', E'back\\slash');
ALTER TABLE zoo.everything
  ENABLE ALWAYS TRIGGER b_always, DISABLE TRIGGER e_disabled, ENABLE REPLICA TRIGGER f_replica;

CREATE RULE everything_is_kept AS ON DELETE TO zoo.everything DO INSTEAD NOTHING;
ALTER TABLE zoo.everything DISABLE RULE everything_is_kept;
)";

constexpr char kReferences[] = R"(
CREATE TABLE zoo.items (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  everything_id bigint NOT NULL, amount numeric);
INSERT INTO zoo.items (everything_id) SELECT id FROM zoo.everything;
ALTER TABLE zoo.items ADD CONSTRAINT of_everything FOREIGN KEY (everything_id)
  REFERENCES zoo.everything ON DELETE CASCADE;
CREATE INDEX ON zoo.items (everything_id);

CREATE TABLE zoo.notes (everything_key uuid, everything_id bigint, note text);
INSERT INTO zoo.notes VALUES (NULL, 4711, 'refers to nothing');
ALTER TABLE zoo.notes
  ADD CONSTRAINT "of everything's key" FOREIGN KEY (everything_key)
    REFERENCES zoo.everything (key) ON UPDATE CASCADE ON DELETE SET NULL
    DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT of_everything FOREIGN KEY (everything_id) REFERENCES zoo.everything NOT VALID;

CREATE TABLE zoo.inbox (name text, amount numeric);
CREATE RULE forward AS ON INSERT TO zoo.inbox DO ALSO
  INSERT INTO zoo.everything ("Mixed Case", amount) VALUES (NEW.name, NEW.amount);
)";

constexpr char kDependents[] = R"(
CREATE VIEW zoo.everything_view WITH (security_barrier) AS
  SELECT id, "Mixed Case", amount AS sum, flag FROM zoo.everything WHERE small > 0
  WITH CASCADED CHECK OPTION;
ALTER VIEW zoo.everything_view ALTER COLUMN sum SET DEFAULT 12.50;
CREATE VIEW zoo.flagged_view AS
  SELECT v.id, v."Mixed Case", c.visible
  FROM zoo.everything_view v JOIN zoo.everything e USING (id) JOIN zoo.colors c ON c.id = e.color_id
  WHERE v.flag;

CREATE FUNCTION zoo.count_flagged(threshold numeric DEFAULT 0) RETURNS bigint LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT count(*) FROM zoo.everything e WHERE e.flag AND e.amount >= threshold;
END;

ALTER TABLE zoo.items ENABLE ROW LEVEL SECURITY;
CREATE POLICY items_of_flagged ON zoo.items FOR SELECT TO zoo_reader
  USING (EXISTS (SELECT FROM zoo.everything e WHERE e.id = everything_id AND e.flag));
)";

// zoo_reader's privilege comes from zoo_writer, not from the owner, who has lost one of their own.
constexpr char kZooPrivileges[] = R"(
GRANT SELECT, INSERT, UPDATE ON zoo.everything TO zoo_writer WITH GRANT OPTION;
GRANT DELETE ON zoo.everything TO zoo_writer;
GRANT REFERENCES ON zoo.everything TO PUBLIC;
REVOKE TRUNCATE ON zoo.everything FROM zoo_owner;
GRANT SELECT (id, "Mixed Case"), UPDATE (amount) ON zoo.everything TO zoo_reader;
GRANT INSERT (flag) ON zoo.everything TO zoo_writer WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE zoo.everything_serial_no_seq TO zoo_writer;
GRANT SELECT ON SEQUENCE zoo."Odd ""identity"" sequence" TO zoo_reader;
GRANT SELECT ON zoo.everything_view TO zoo_reader;
GRANT UPDATE (sum) ON zoo.everything_view TO zoo_writer;
GRANT SELECT ON zoo.flagged_view, zoo.colors TO PUBLIC;
GRANT SELECT ON zoo.items TO zoo_reader;
REVOKE EXECUTE ON FUNCTION zoo.count_flagged FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zoo.count_flagged TO zoo_reader;
SET LOCAL ROLE zoo_writer;
GRANT SELECT ON zoo.everything TO zoo_reader WITH GRANT OPTION;
SET LOCAL ROLE zoo_owner;

ALTER TABLE zoo.everything ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_visible_color ON zoo.everything FOR SELECT TO zoo_reader
  USING (color_id IN (SELECT c.id FROM zoo.colors c WHERE c.visible));
CREATE POLICY writers_write ON zoo.everything TO zoo_writer USING (true) WITH CHECK (small < 20000);
CREATE POLICY "Nobody's ""own""" ON zoo.everything AS RESTRICTIVE FOR UPDATE
  USING (flag OR added_later <> 'secret');
CREATE POLICY readers_insert ON zoo.everything FOR INSERT TO zoo_reader, zoo_writer
  WITH CHECK (flag);
)";

constexpr char kComments[] = R"(
COMMENT ON TABLE zoo.everything IS E'It''s the "whole" zoo,\nin two lines: größe';
COMMENT ON COLUMN zoo.everything.id IS 'the identity';
COMMENT ON COLUMN zoo.everything."Mixed Case" IS 'C:\new';
COMMENT ON COLUMN zoo.everything.total IS 'generated';
COMMENT ON COLUMN zoo.everything.added_later IS 'a fast default';
COMMENT ON SEQUENCE zoo."Odd ""identity"" sequence" IS 'by seven';
COMMENT ON SEQUENCE zoo.everything_serial_no_seq IS 'by three';
COMMENT ON CONSTRAINT everything_pkey ON zoo.everything IS 'primary';
COMMENT ON CONSTRAINT small_is_small ON zoo.everything IS 'small';
COMMENT ON CONSTRAINT "Small, never ""zero""" ON zoo.everything IS 'not valid';
COMMENT ON CONSTRAINT serial_unique ON zoo.everything IS 'deferred';
COMMENT ON CONSTRAINT spans_apart ON zoo.everything IS 'exclusion';
COMMENT ON CONSTRAINT of_color ON zoo.everything IS 'outwards';
COMMENT ON CONSTRAINT of_parent ON zoo.everything IS 'to itself';
COMMENT ON CONSTRAINT of_everything ON zoo.items IS 'inwards';
COMMENT ON INDEX zoo.everything_pkey IS 'the key''s index';
COMMENT ON INDEX zoo.everything_expression IS 'expressions';
COMMENT ON INDEX zoo."Everything's hash" IS 'hash';
COMMENT ON STATISTICS zoo.everything_kinds IS 'kinds';
COMMENT ON TRIGGER a_before_row ON zoo.everything IS 'first';
COMMENT ON TRIGGER e_disabled ON zoo.everything IS 'off';
COMMENT ON TRIGGER g_constraint ON zoo.everything IS 'constraint';
COMMENT ON RULE everything_is_kept ON zoo.everything IS 'asleep';
COMMENT ON RULE forward ON zoo.inbox IS 'forwards';
COMMENT ON POLICY of_visible_color ON zoo.everything IS 'visible';
COMMENT ON POLICY items_of_flagged ON zoo.items IS 'flagged';
COMMENT ON TYPE zoo.everything IS 'the row type';
COMMENT ON VIEW zoo.everything_view IS 'a view';
COMMENT ON COLUMN zoo.everything_view.sum IS 'a column of a view';
COMMENT ON VIEW zoo.flagged_view IS 'a view of a view';
COMMENT ON FUNCTION zoo.count_flagged IS 'reads';
)";

constexpr char kOtherTables[] = R"(
CREATE TABLE zoo.plain (
  id bigint PRIMARY KEY, name text NOT NULL, amount numeric, changed_at timestamptz DEFAULT now());
CREATE INDEX plain_name ON zoo.plain (name);

CREATE TABLE zoo.composite (
  body text, tenant text, at timestamptz, PRIMARY KEY (at, tenant));

CREATE TABLE zoo.no_toast (
  code integer NOT NULL, kind "char", at timestamp, value double precision);
CREATE UNIQUE INDEX no_toast_code ON zoo.no_toast (code);
)";

// All columns of a row filter, and the replica identity in a list of columns, are what lets UPDATE
// and DELETE pass: with the wrong replica identity they fail.
constexpr char kZooPublicationsUntil14[] = R"(
CREATE PUBLICATION zoo_all FOR TABLE zoo.everything, zoo.plain;
CREATE PUBLICATION zoo_some FOR TABLE zoo.everything;
)";
constexpr char kZooPublicationsSince15[] = R"(
CREATE PUBLICATION zoo_all FOR TABLE zoo.everything, zoo.plain;
CREATE PUBLICATION zoo_some
  FOR TABLE zoo.everything (id, key, "Mixed Case")
  WHERE (key <> '00000000-0000-0000-0000-000000000000');
)";

// 100 kB that compress to nothing, and 100 kB that do not compress, in a few rows each.
constexpr char kFillEverything[] = R"sql(
INSERT INTO zoo.everything (
  "Mixed Case", "quote""d, 'name'",
  "Sixty-three bytes: größe, ""quotes"" and a space, up to the end",
  small, amount, bare, real_value, double_value, at, on_day, at_time, took, flag, code, bits,
  mood, mail, tags, matrix, span, period, spans, doc, raw, spot, place, net, blob, packed,
  long_text, parent_id, color_id, size_id, shop_number, added_later, added_number)
SELECT
  (ARRAY['', ' ', 'plain', 'NULL', '\N', '日本語', '🦉', E'e\u0301', E'\u00e9', E'a\tb\n', '"''\'])
    [1 + n % 11],
  CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('ü', n % 40) END,
  nullif(n % 7, 3),
  1 + n % 19000,
  (ARRAY[NULL, 'NaN', '0', '-0.001', '999999999.999', '1.5'])[1 + n % 6]::numeric,
  (ARRAY[NULL, 'NaN', 'Infinity', '-Infinity', '1.0', '1.00', '1e-300', '1e300', '-0.000'])
    [1 + n % 9]::numeric,
  (ARRAY[NULL, 'NaN', '-0', '0', 'Infinity', '1e-45', '3.4028235e38', '0.1'])[1 + n % 8]::real,
  (ARRAY[NULL, 'NaN', '-0', '0', '-Infinity', '5e-324', '1.7976931348623157e308', '0.1'])
    [1 + n % 8]::double precision,
  (ARRAY['infinity', '-infinity', '4713-01-01 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00',
         '2024-02-29 12:00:00.000001+00', NULL])[1 + n % 6]::timestamptz,
  (ARRAY['infinity', '-infinity', '4713-01-01 BC', '5874897-12-31', NULL])[1 + n % 5]::date,
  (ARRAY['24:00:00+00', '12:00:00+05:30', '00:00:00.000001-15:59', NULL])[1 + n % 4]::timetz,
  (ARRAY['1 month', '30 days', '720 hours', '-1 year 2 days -03:04:05.000006', NULL])
    [1 + n % 5]::interval,
  n % 3 > 0,
  (ARRAY['', 'a', 'a  ', 'sevenxx', NULL])[1 + n % 5],
  (ARRAY[B'', B'0', B'1010101010101010', NULL])[1 + n % 4]::bit varying,
  (enum_range(NULL::zoo.mood))[1 + n % 3],
  (ARRAY['a@b', '@', NULL])[1 + n % 3]::text,
  (ARRAY['{}', '{NULL,"NULL",""," "}', '[0:1]={x,y}', '{"a\\b","{}"}', NULL])[1 + n % 5]::text[],
  (ARRAY['{}', '{{1,2},{3,NULL}}', '[-1:0][2:3]={{1,2},{3,4}}', NULL])[1 + n % 4]::integer[],
  CASE n % 6 WHEN 0 THEN NULL WHEN 1 THEN 'empty' ELSE int4range(n * 10, n * 10 + 5) END,
  (ARRAY['empty', '(,)', '[,2020-01-01)', '[-infinity,infinity]', NULL])[1 + n % 5]::tstzrange,
  (ARRAY['{}', '{[1,3),[7,9)}', '{(,)}', NULL])[1 + n % 4]::int4multirange,
  (ARRAY['null', '{}', '[]', '{"a": 1.0}', '{"a": 1.00}', '{"b": "\u00e9", "a": [null]}',
         NULL])[1 + n % 7]::jsonb,
  (ARRAY['null', '{"b":1,  "a":2, "a":3}', ' {} ', NULL])[1 + n % 4]::json,
  (ARRAY['(NaN,-0)', '(0,0)', '(Infinity,1e-300)', NULL])[1 + n % 4]::point,
  (ARRAY['(,,)', '("",1.00,)', '(x,NaN,"(1,2)")', NULL])[1 + n % 4]::zoo.place,
  (ARRAY['::1', '10.0.0.1/8', '10.0.0.1', NULL])[1 + n % 4]::inet,
  CASE WHEN n % 5 = 0 THEN NULL WHEN n % 5 = 1 THEN '' WHEN big THEN decode(noise.hex, 'hex')
       ELSE '\x00ff5c27'::bytea END,
  CASE WHEN n % 5 = 0 THEN NULL WHEN n % 5 = 1 THEN '' WHEN big THEN repeat('pack me ', 12800)
       ELSE 'short' END,
  CASE WHEN big THEN noise.hex WHEN n % 5 = 4 THEN repeat('longer ', n % 500) END,
  CASE WHEN n % 4 = 0 THEN parent.id END,
  nullif(n % 6, 0), nullif(n % 6, 0), nullif(n % 6, 0),
  CASE WHEN n % 2 = 0 THEN 'not so fast' ELSE 'since then' END,
  (ARRAY['42', '42.0', '42.00', NULL])[1 + n % 4]::numeric
FROM (SELECT coalesce(max(upper(span)), 0) / 10 + 1 AS start FROM zoo.everything) former
CROSS JOIN (SELECT max(id) AS id FROM zoo.everything) parent
CROSS JOIN LATERAL generate_series(start, start + $1::integer - 1) n
CROSS JOIN LATERAL (SELECT n - start < 1000 AND n % 50 = 2 AS big) size
LEFT JOIN LATERAL (
  SELECT string_agg(md5(n::text || ' ' || part::text), '') AS hex
  FROM generate_series(1, 3200) part WHERE big
) noise ON true
)sql";

constexpr char kFillPlain[] = R"(
INSERT INTO zoo.plain (id, name, amount, changed_at)
SELECT start + n, (ARRAY['', ' ', 'name', '日本語'])[1 + n % 4] || n,
  (ARRAY['1.0', '1.00', 'NaN', '-Infinity', NULL])[1 + n % 5]::numeric,
  timestamptz '2024-01-01 00:00:00+00' + n * interval '1.000001 seconds'
FROM (SELECT coalesce(max(id), 0) AS start FROM zoo.plain) former
CROSS JOIN generate_series(1, $1::integer) n
)";

// Neighbours in the key differ by a microsecond, or by an accent that was composed otherwise.
constexpr char kFillComposite[] = R"(
INSERT INTO zoo.composite (body, tenant, at)
SELECT CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('body ', n % 1000) END,
  (ARRAY['', 'A', 'a', 'B', E'e\u0301', E'\u00e9', '"', ' '])[1 + n % 8] ||
    CASE WHEN n % 10 < 2 THEN (start + n)::text ELSE '' END,
  CASE n % 10 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity'
    ELSE timestamptz '2024-01-01 00:00:00+00' + (start + n) * interval '1 microsecond' END
FROM (SELECT count(*) AS start FROM zoo.composite) former
CROSS JOIN generate_series(1, $1::integer) n
)";

constexpr char kFillNoToast[] = R"(
INSERT INTO zoo.no_toast (code, kind, at, value)
SELECT start + n, CASE WHEN n % 5 > 0 THEN chr(64 + n % 60) END::"char",
  (ARRAY['infinity', '-infinity', '4713-01-01 BC', '2024-02-29 00:00:00.000001', NULL])
    [1 + n % 5]::timestamp,
  (ARRAY['NaN', '-0', '0', 'Infinity', '5e-324', NULL])[1 + n % 6]::double precision
FROM (SELECT coalesce(max(code), -2147483648) AS start FROM zoo.no_toast) former
CROSS JOIN generate_series(1, $1::integer) n
)";

constexpr char kFillReferences[] = R"(
WITH chosen AS (
  SELECT e.id, e.key, row_number() OVER (ORDER BY e.id DESC) AS n FROM zoo.everything e
  ORDER BY e.id DESC LIMIT $1
), item AS (
  INSERT INTO zoo.items (everything_id, amount) SELECT id, n FROM chosen
)
INSERT INTO zoo.notes (everything_key, everything_id, note)
SELECT CASE WHEN n % 3 > 0 THEN key END, CASE WHEN n % 2 > 0 THEN id END, 'note' FROM chosen
)";

constexpr char kFillInbox[] = R"(
INSERT INTO zoo.inbox (name, amount)
SELECT 'through the rule', n FROM generate_series(1, $1::integer) n
)";

// As zoo_owner, all of it or nothing: one message is one transaction, in which LOCAL holds.
void ExecAsOwner(Client& sql, const std::string& statements) {
  sql.Exec(absl::StrCat("SET LOCAL ROLE zoo_owner;\n", statements));
}

}  // namespace

void CreateTableZoo(Client& sql) {
  sql.Exec(kRoles);
  // Constraints are deferred and rows are written: one transaction for all would have pending
  // triggers.
  for (const char* const statements :
       {kNeighbours, kZooColumns, kZooConstraints, kZooIndexes, kTriggers, kReferences, kDependents,
        kZooPrivileges, kComments, kOtherTables}) {
    ExecAsOwner(sql, statements);
  }
  const bool has_filters = sql.Number("SHOW server_version_num") >= 150000;
  sql.Exec(has_filters ? kZooPublicationsSince15 : kZooPublicationsUntil14);
}

void FillTableZoo(Client& sql, int rows) {
  const Value count = std::to_string(rows);
  for (const char* const statement : {kFillEverything, kFillPlain, kFillComposite, kFillNoToast}) {
    (void)sql.Query(statement, {count});
  }
  for (const char* const statement : {kFillReferences, kFillInbox}) {
    (void)sql.Query(statement, {std::to_string(rows / 10)});
  }
}

std::string ZooImage(Client& sql, const std::string& table) {
  const PinnedText pinned(sql);
  // A sum over each half of the digests: an exclusive or would not notice a pair of equal rows.
  return sql.Text(absl::StrCat("SELECT format('%s %s %s', count(*),",
                               " sum(('x' || left(digest, 16))::bit(64)::bigint::numeric),",
                               " sum(('x' || right(digest, 16))::bit(64)::bigint::numeric))",
                               " FROM (SELECT md5((whole.*)::text) AS digest FROM ", table,
                               " whole) digests"));
}

void DropTableZoo(Client& sql) {
  sql.Exec("DROP PUBLICATION IF EXISTS zoo_all, zoo_some; DROP SCHEMA IF EXISTS zoo CASCADE");
  for (const std::string role : {"zoo_owner", "zoo_reader", "zoo_writer"}) {
    // 2BP01: the role owns something elsewhere.
    (void)sql.Try("DROP ROLE IF EXISTS " + role);
  }
}

}  // namespace server
