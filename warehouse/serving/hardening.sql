-- What an embedded server takes from everybody, because a reader needs none of it and each tells or keeps something.
-- Statistics hold the most frequent values of every column, and counts of rows that the reader may not see.
do $$
declare
    item text;
begin
    foreach item in array array[
        'pg_stats', 'pg_stats_ext', 'pg_stats_ext_exprs', 'pg_stat_all_tables', 'pg_stat_user_tables',
        'pg_stat_all_indexes', 'pg_stat_user_indexes', 'pg_statio_all_tables', 'pg_statio_user_tables',
        'pg_stat_xact_all_tables', 'pg_stat_xact_user_tables', 'pg_stat_sys_tables', 'pg_statio_sys_tables',
        'pg_stat_activity', 'pg_stat_database', 'pg_stat_replication', 'pg_locks', 'pg_prepared_xacts'
    ]
    loop
        execute format('revoke all on pg_catalog.%I from public', item);
    end loop;
    -- Large objects and the log of writes can be written by everybody, and locks held against everybody; sizes and counters
    -- of tables tell how many rows others have.
    for item in
        select oid::regprocedure::text
        from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
            and (
                proname in (
                    'lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lo_open', 'lowrite', 'lo_unlink', 'lo_truncate',
                    'lo_truncate64', 'pg_relation_size', 'pg_table_size', 'pg_total_relation_size', 'pg_indexes_size',
                    'pg_database_size', 'pg_notify', 'pg_logical_emit_message', 'query_to_xml', 'database_to_xml'
                )
                or proname like 'pg\_stat\_get\_%'
                or proname like 'pg\_%advisory%'
            )
    loop
        execute format('revoke execute on function %s from public', item);
    end loop;
    -- A leakproof comparison may be evaluated before a row policy, and a plan then tells whether a foreign row met it.
    for item in
        select oid::regprocedure::text
        from pg_proc
        where proleakproof and pronamespace = 'pg_catalog'::regnamespace
    loop
        execute format('alter function %s not leakproof', item);
    end loop;
end
$$;
revoke usage on language plpgsql from public;
revoke usage on language sql from public;
