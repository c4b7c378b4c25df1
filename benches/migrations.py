#!/usr/bin/env python3
"""Writes migrations to measure with: the same bytes on every machine.

usage: benches/migrations.py FOLDER FILES one|many

Each migration has 1,024 bytes of what migrations do: tables, columns, indexes, constraints, foreign
keys to older tables, enum types, views, functions, grants, comments, rows. `many` writes each into a
numbered file of its own, `one` writes all of them into a single file.
"""
import pathlib
import random
import sys

SIZE = 1024
NOUNS = """account address article author basket booking branch campaign category channel claim comment
contract coupon course customer delivery device document employee event expense feature feedback group
invoice item job lesson license location message meter note offer order parcel payment permission plan
policy price product project question rating receipt refund region report reservation review role room
schedule session shipment shop signal station stock student subscription supplier survey tag task team
ticket topic transfer trip user vehicle visit voucher warehouse webhook""".split()
COLUMNS = [
    "name text not null", "email varchar(255)", "amount numeric(12, 2) not null default 0",
    "status text not null default 'new' check (status in ('new', 'active', 'closed'))",
    "created_at timestamptz not null default now()", "updated_at timestamptz", "notes text",
    "is_active boolean not null default true", "priority integer not null default 0",
    "payload jsonb not null default '{}'::jsonb", "token uuid default gen_random_uuid()",
    "starts_on date", "duration interval", "score double precision", "code char(8) unique",
]


def name_of(column):
    return column.split()[0]


class Writer:
    """Makes migrations one after the other; later ones refer to the tables of earlier ones."""

    def __init__(self):
        self.random = random.Random(20240115)
        self.tables = []
        self.types = 0

    def table(self):
        number = len(self.tables) + 1
        table = f"{self.random.choice(NOUNS)}_{number}"
        columns = self.random.sample(COLUMNS, self.random.randint(3, 7))
        lines = ["    id bigint generated always as identity primary key"]
        lines += [f"    {column}" for column in columns]
        if self.tables and self.random.random() < 0.6:
            older, _ = self.any_table()
            lines.append(f"    {older}_id bigint references {older} (id) on delete cascade")
        self.tables.append((table, [name_of(column) for column in columns]))
        return f"create table {table} (\n" + ",\n".join(lines) + "\n);\n"

    def any_table(self):
        """Migrations mostly change what is new."""
        recent = self.random.random() < 0.7
        return self.random.choice(self.tables[-20:] if recent else self.tables)

    def change(self):
        table, columns = self.any_table()
        column = self.random.choice(columns)
        number = self.random.randint(1, 10**6)
        kind = self.random.choices(range(12), [9, 8, 5, 4, 8, 6, 3, 3, 2, 2, 2, 4])[0]
        if kind == 0:
            unique = "unique " if self.random.random() < 0.2 else ""
            return f"create {unique}index {table}_{column}_{number}_idx on {table} ({column});\n"
        if kind == 1:
            added = self.random.choice(["text", "integer not null default 0", "timestamptz", "jsonb"])
            return f"alter table {table} add column extra_{number} {added};\n"
        if kind == 2:
            return (f"alter table {table} add constraint {table}_check_{number} "
                    f"check ({column} is not null) not valid;\n"
                    f"alter table {table} validate constraint {table}_check_{number};\n")
        if kind == 3:
            return f"comment on column {table}.{column} is 'what the {column} of it''s {table} says';\n"
        if kind == 4:
            texts = [name for name in columns if name in ("name", "email", "notes", "status")]
            values = "".join(f", '{name} of row {number}'" for name in texts)
            rows = ",\n".join(f"    ({at}{values})" for at in range(self.random.randint(1, 4)))
            return f"insert into {table} (" + ", ".join(["id", *texts]) + f") values\n{rows};\n"
        if kind == 5:
            return (f"update {table} set {column} = default where id < {number} "
                    f"and {column} is not null;\n")
        if kind == 6:
            self.types += 1
            return f"create type state_{self.types} as enum ('draft', 'sent', 'paid', 'lost');\n"
        if kind == 7:
            other, _ = self.any_table()
            return (f"create view view_{number} as\n"
                    f"select a.id, a.{column}, b.id as other_id from {table} a\n"
                    f"left join {other} b on b.id = a.id where a.id > 0;\n")
        if kind == 8:
            return (f"create function touch_{number}() returns trigger language plpgsql as $$\n"
                    "begin\n    new.updated_at := now();\n    return new;\nend\n$$;\n")
        if kind == 9:
            return f"grant select, insert, update on {table} to application;\n"
        if kind == 10:
            return f"delete from {table} where id in (select id from {table} where id > {number});\n"
        return f"alter table {table} alter column {column} drop default;\n"

    def migration(self, number):
        text = f"-- Migration {number}\n" + self.table()
        while True:
            change = self.change()
            if len(text) + len(change) > SIZE:
                break
            text += change
        words = "-- what people write down for those who come later, until the file is full\n"
        filling = words * (SIZE // len(words) + 1)
        left = SIZE - len(text)
        # A comment needs its marks and the line break.
        text += filling[: left - 1] + "\n" if left > 3 else "\n" * left
        # A line that was cut to one dash is no comment.
        return text[:-2] + " \n" if text.endswith("\n-\n") else text


def main():
    folder, files, shape = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True)
    writer = Writer()
    migrations = (writer.migration(number) for number in range(1, files + 1))
    if shape == "one":
        with open(folder / "1_everything.sql", "w", encoding="ascii") as file:
            file.writelines(migrations)
        return
    for number, text in enumerate(migrations, 1):
        (folder / f"{number:06}_change.sql").write_text(text, encoding="ascii")


main()
