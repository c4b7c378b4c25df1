do $$ begin create role app_reader; exception when duplicate_object then null; end $$;
do $$ begin create role app_owner; exception when duplicate_object then null; end $$;
do $$ begin create role "Odd one"; exception when duplicate_object then null; end $$;
