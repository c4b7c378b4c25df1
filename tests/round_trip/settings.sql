create sequence s increment by 5 minvalue 10 maxvalue 1000 start with 20 cache 3 cycle;
create sequence t as smallint;
create sequence u minvalue 5;
create sequence down increment by -1;
create sequence w;
create table a (id bigint generated always as identity (start with 100 increment by 10),
    b text collate "C", c text, d int, constraint odd check (d > 0)) with (fillfactor = 70, autovacuum_enabled = false);
alter sequence s no maxvalue no cycle increment by 7 restart with 30;
alter sequence t maxvalue 100 as integer;
alter sequence w minvalue -5;
alter sequence u minvalue 1;
alter table a alter c set storage external, alter d set statistics 200, alter b set storage main;
alter table a alter b set storage extended;
alter table a set (fillfactor = 80, toast.autovacuum_enabled = false), reset (autovacuum_enabled);
create index on a (b collate "POSIX", c desc nulls last);
create index on a ((lower(c)) collate "C" text_pattern_ops);
alter table a rename c to renamed;
