//! Liquibase.

use std::process::Command;

use crate::case::{Place, RUNNER, Runner, apply};
use crate::support::project;

const LIQUIBASE: Runner = Runner {
    layout: "liquibase",
    own: &["databasechangelog"],
    up: |place| liquibase(place, &["update"]),
    down: Some(|place, count| liquibase(place, &["rollbackCount", &count.to_string()])),
    ..RUNNER
};

fn liquibase(place: &Place<'_>, command: &[&str]) -> Command {
    let home = project("target/tools/node-runners/node_modules/liquibase/dist");
    let archives = ["liquibase/liquibase.jar", "liquibase/lib/*", "drivers/*"];
    let path = archives.map(|name| home.join(name).display().to_string()).join(":");
    place.tool("node-runners/node_modules/liquibase/dist/liquibase/liquibase.jar", &[]);
    let url = format!("--url=jdbc:postgresql://127.0.0.1:{}/{}", place.port(), place.database());
    let main = "liquibase.integration.commandline.LiquibaseCommandLine";
    let mut java = place.installed("java", &["-cp", &path, main, "--changeLogFile=db/all.sql"]);
    java.args([&url, "--username=postgres", "--password=postgres"]).args(command);
    java
}

#[test]
fn liquibase_has_a_transaction_for_each_changeset() {
    let refused = apply(
        &LIQUIBASE,
        "
==> db/all.sql
--liquibase formatted sql

--changeset a:ships
create table ships (id bigint primary key, name text);
alter table ships add column length int;
--rollback drop table ships;

--changeset a:index runInTransaction:false
create index concurrently ships_name on ships (name);
create index concurrently ships_length on ships (length);
--rollback drop index concurrently ships_length; drop index concurrently ships_name;

--changeset a:function splitStatements:false
create function two() returns int language plpgsql as $$
begin
  return 2;
end
$$;
--rollback drop function two();
",
    );
    assert!(refused.is_empty(), "{refused:?}");
}
