create view v as select nope from users
create view v as select gone from users
create view v as select users.nope from users
create view v as select u.nope from users u
create view v as select public.users.nope from users
create view v as select x.id from users
create view v as select users.id from users u
create view v as select id from users, orders
create view v as select id from users u join orders o on o.user_id = u.id
create view v as select * from users, orders
create view v as select id, id from users
create view v as select 1 as a, 2 as a
create view v as select 1, 2
create view v (a, b) as select 1
create view v (a, a) as select 1, 2
create materialized view v (a, b) as select 1
create table v (a, b) as select 1
create table v as select id, id from users
create table v as select nope from users
select nope into v from users
create view v as select id from users where nope = 1
create view v as select id from users order by nope
create view v as select id from users group by nope
create view v as select name from users group by id, nope
create view v as select id from users having max(nope) > 1
create view v as select u.id from users u join orders o using (nope)
create view v as select id from tree a join tree b using (id, nope)
create view v as select 1 from tree a join tree b on a.id = c.id
create view v as select 1 from users, (select users.id) s
create view v as select 1 from tree t, users u join orders o on o.id = t.id
create view v as with a as (select 1 as x) select y from a
create view v as with a (x, y) as (select 1) select x from a
create view v as select x from (select id as y from users) s
create view v as select s.x from (select id as y from users) s
create view v as select * from tree t (a, b, c, d)
create view v as select * from (select 1) t (a, b)
create view v as select * from (tree a join tree b on true) as j (a, b, c, d, e, f, g)
create view v as select nope from generate_series(1, 2) g
create view v as select 1 union select 1, 2
create view v as select id from users union select nope from orders
create view v as select (select nope from orders where user_id = users.id) from users
create view v as select a.id from tree a, tree a
create view v as select id from tree a, tree b
create view v as select t.a from (select 1 as a, 2 as a) t
create view v as select a from (select 1 as a, 2 as a) t
create view v as select nope from happy
create view v as select mood from happy
create view v as select pg_class.nope from pg_class
create view v as select nope.* from users
create view v as select id from users for update of users; create view w as select nope from v
create view v as select id as a from users; create or replace view v as select id as b from users
create view v as select id, name from users; create or replace view v as select id from users
create view v as select id from users; create or replace view v as select name as id from users
create view v as select mood from users; create or replace view v as select 'x'::text as mood
create view v as select name from users; create or replace view v as select name::text from users
create view v as select id, name from users; alter table users drop column name
create view v as select id from users where name = 'x'; alter table users drop column name
create view v as select u.id from users u order by u.born; alter table users alter born type timestamp
create view v as select * from tree; alter table tree alter label type varchar(9)
create view v as select double_it(id) from orders; drop function double_it(int)
create view v as select 1 from users where mood = 'sad'; drop type mood
create view v as select nextval('counter'); drop sequence counter
create view v as select id from users; drop table users
create view v as select id from users; create view w as select id from v; drop view v
create view v as select id from users; alter table v rename column id to key; create view w as select id from v
create policy p on users using (nope = 1)
create policy p on users using (id in (select user_id from orders where nope))
create policy p on users using (exists (select 1 from orders o where o.user_id = users.id)); alter table orders drop column user_id
create policy p on users using (exists (select 1 from orders o where o.total > 1)); drop table orders
create policy p on orders using (ok); alter table orders alter ok type text
create view v as select tree.id from tree, app.items tree
create view v as select * from tree a cross join tree b cross join users a
