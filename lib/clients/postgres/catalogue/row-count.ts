/** Of `pg_class c`: how many rows the server thinks that there are; -1 where it never counted, which servers before 14 say as 0. */
export const ROW_COUNT = `CASE WHEN c.relpages = 0 AND pg_catalog.current_setting('server_version_num')::int4 < 140000 THEN -1 ELSE c.reltuples END::float8`;
