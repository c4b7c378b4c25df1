select 1
select 1 as one, 'text', null, true, 1.5, 12345678901, b'101', date '2020-01-01', 'a'::varchar(3)
select * from users
select u.* from users u
select u from users u
select id, name, mail, mood, born, tags, data, at from users
(a, b) as select id, name from users
(a) as select id, name from users
select users.id, public.users.name from users
select count(*), count(id), sum(total), avg(total), min(state), max(placed), bool_and(ok), array_agg(id), array_agg(state), string_agg(state, ','), sum(small), sum(id), sum(ratio), max(code), json_agg(state), min(fee) from orders
select u.id, o.id as order_id from users u left join orders o on o.user_id = u.id where o.state = 'new' order by u.name
select * from tree join (select id, label as other from tree) t using (id)
select * from tree a natural join (select id, parent from tree) b
select * from (select id as user_id, name from users) u full join (select user_id, total from orders) o using (user_id)
select user_id, u.user_id as left_id from (select id as user_id from users) u join orders o using (user_id)
-- 14- select both_.user_id from (select id as user_id from users) u join orders o using (user_id) as both_
select j.* from (users u join orders o on o.user_id = u.id) as j (a, b, c, d, e, f, g, h, i, jj, k)
with recursive walk as (select id, parent, 1 as depth, label from tree where parent is null union all select t.id, t.parent, w.depth + 1, t.label from tree t join walk w on t.parent = w.id) select * from walk
with recursive n(i) as (values (1) union all select i + 1 from n where i < 10) select i from n
with a as (select id from users), b (x, y) as (select id, total from orders) select a.id, b.* from a, b
values (1, 'a'), (2, null)
select * from (values (1, 'a', null), (2.5, 'b', 3)) v (x, y)
select id from users union select id from orders
select name from users union all select label from tree
select null as a union select 1
select 'a' as a union all select 'b'
select name, mood from users except select 'x', 'sad'
select total from orders union select total from orders
select total from orders union select fee from orders
select id::text, id::int, 'sad'::mood, state::varchar(5), total::numeric(5,1), null::email, '{}'::mood[], cast(state as char(2)), data::text from orders, (select data, 1 as j from users) d
select total + 1, total * fee, id / 2, id + 1.5, ratio * 2, small + 1, -total, -id, id % 2, id ^ 2, total || 'x', state || id, code || state from orders
select data -> 'a', data ->> 'b', data #>> '{a,b}', data @> '{}', data || '{}', data -> 'a' -> 0, (data ->> 'n')::int, tags || '{x}', array_append(tags, 'x'), tags || 'x'::text, tags || tags, tags[1], tags[1:2], tags @> array['a'], 'a' = any(tags) from users
select at - interval '1 day', at - at as age, born - born as days, born + 1 as tomorrow, now() - at as since, placed + span, current_date - born as old, born + interval '1 day' as plus, span * 2 as double from users, orders
select current_date, current_timestamp, localtime, current_user, current_timestamp(2), now(), clock_timestamp(), session_user, current_schema
select case when ok then total else 0 end, case state when 'a' then 1 else 2 end as c, case when ok then total end, case when ok then total else fee end as f, case when ok then name end as n, case when ok then 'x' end as lit from orders, users
select coalesce(total, 0), coalesce(name, ''), coalesce(fee, total), greatest(total, 1), least(id, 2.5), nullif(state, ''), nullif(total, 0), nullif(name, 'x') as n2, coalesce(mood, 'sad') as m from (select o.*, u.name, u.mood from orders o, users u) j
select lower(name), upper(state), length(name), trim(name), substring(name from 1 for 2), position('a' in name), extract(year from born), date_trunc('day', at), date_trunc('month', placed), date_trunc('year', born) as y, to_char(at, 'YYYY'), round(total, 1), round(ratio), abs(total), concat(name, 1), format('%s', name), left(name, 2), replace(state, 'a', 'b'), md5(state), row_to_json(u), to_jsonb(u) as tj, age(at), overlay(name placing 'x' from 1) from users u, (select state, total, ratio, placed from orders) o
select row_number() over (order by id), rank() over w, lag(total) over w, lag(state, 1, 'x') over w as ls, first_value(name) over (partition by user_id), sum(total) over w, count(*) filter (where ok) over w as c from (select o.*, u.name from orders o join users u on u.id = o.user_id) x window w as (partition by state order by placed)
select percentile_cont(0.5) within group (order by total) as p, mode() within group (order by state), count(distinct state), jsonb_agg(state order by id), jsonb_object_agg(state, id), array_agg(distinct moods[1]) as am from orders
select exists (select 1 from orders o where o.user_id = u.id), (select max(total) from orders o where o.user_id = u.id), array(select state from orders), (select name from users x where x.id = u.id), u.id in (select user_id from orders) as has from users u
select * from users u, lateral (select total from orders o where o.user_id = u.id limit 1) l
select u.id, l.total from users u left join lateral (select total from orders o where o.user_id = u.id) l on true
select * from generate_series(1, 10)
select g, g + 1 as next from generate_series(1, 10) g
select * from generate_series(1, 10) with ordinality as g (value, at)
select * from unnest(array['a', 'b']), unnest(array[1, 2], array['x', 'y']) as m (a, b)
select tag from users, unnest(tags) tag
select id, t from users cross join lateral unnest(tags) with ordinality as x (t, n)
select * from jsonb_each('{}'), jsonb_array_elements('[]') e, jsonb_array_elements_text('[]') as t (word)
select key, value ->> 'x' as x from users, jsonb_each(data)
select * from jsonb_to_recordset('[]') as r (a int, b mood, c varchar(4))
select * from listed(1), single(), pairs(), outs(1)
select name, mood from all_users()
select a.* from all_users() a where a.born is null
select * from loose() as (a int, b int)
select double_it(1), double_it(1.5), double_it(total), joined('a', 'b'), same(id), same(state), same(moods), feeling('sad'), feeling(moods[1]) as f2 from orders
select (listed(1)).num, (listed(1)).word, (pairs()).*, (outs(1)).c
select wide(u), (u).name, (u.spot).x, (spot).y from users u
select nextval('counter'), 'counter'::regclass, currval('app.items'::regclass) as c
select relname, relkind, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = 'public'
select table_name, column_name, ordinal_position from information_schema.columns
select * from pg_stat_activity
select * from happy
select h.name, h from happy h where h.id > 1
select mood, count(*) as n from users where mood in ('sad', 'ok') group by mood having count(*) > 1 order by n desc
select mood = 'sad', mood <> all ('{ok,happy}') as x, mood is not distinct from 'ok' as y, mood between 'sad' and 'ok' as z from users
select state as s, sum(total) t from orders group by s order by t, 1
select date_trunc('day', placed) as day, count(*) from orders group by rollup (day, state)
select distinct on (state) state, total from orders order by state, placed desc
select distinct user_id from orders limit 10 offset 1
select i.*, o.state from app.items i join orders o on o.id = i.order_id
select app.items.name from app.items
select items.price * 2 as p, price / price as q from app.items
select array[1, 2], array[[1], [2]], array['a', 'b']::text[], array[total, fee] as am from orders
select ctid, tableoid, xmin, id from orders
select not ok, ok and true, ok is true, state is null, state like 'a%', state ilike 'b', state similar to 'c', id between 1 and 2, id in (1, 2) from orders
select x.id from users x where exists (select from orders where user_id = x.id and total > 5)
select grouping(state), state from orders group by cube (state)
select u.id from users u where not exists (select 1 from orders o where o.user_id = u.id union select 1 from tree)
select o.*, u.name from orders o, users u where o.user_id = u.id
select a.id, b.id as id2 from tree a, tree b where a.parent = b.id
select name collate "C", state collate "de-x-icu" as s from users, orders where false
select xmlelement(name a, name), cast(name as text), bool 't', 1::bool, interval '1' day, float8 '1', text 'x' from users
select s.sum from (select sum(total) from orders) s
select coalesce from (select coalesce(name, 'x') from users) s
select 1 + 1, '?', 'a' || 'b', 1 = 1, '1' + 1 as t
select (select 1), (select 'a' as z), (values (1)) as v
select id, name from users tablesample system (10)
table tree
select o.fee, o.code, o.moods, o.span, fee + 1 as f, code::text from orders o
select make_interval(days => 1), (listed(a => 1, b => 'x')).word as l
select least(born, at), greatest(small, id) as g, coalesce(small, ratio, 1) as c from users, (select small, id as oid, ratio from orders) o
select upper(code), lower(mail), mail || 'x' as m, length(mail) as l, substr(code, 1) from orders, users
