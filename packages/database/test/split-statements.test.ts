import { describe, expect, it } from "vitest";
import { readMigrationFiles } from "../src/migration-files.ts";
import { splitStatements } from "../src/split-statements.ts";

const split = (text: string) => splitStatements(text).map((statement) => statement.trim());

describe("a script's statements", () => {
  it("end at semicolons that stand for themselves", () => {
    expect(split("select 1; select ';' ; select E'\\';'; select \"a;b\"")).toEqual([
      "select 1;",
      "select ';' ;",
      "select E'\\';';",
      'select "a;b"',
    ]);
  });

  it("keep comments and what stands in them", () => {
    expect(split("-- one; two\nselect 1; /* a; /* b; */ c; */ select 2; -- done;")).toEqual([
      "-- one; two\nselect 1;",
      "/* a; /* b; */ c; */ select 2; -- done;",
    ]);
  });

  it("keep bodies between dollars, and names with a dollar in them", () => {
    expect(split("do $$ begin; end $$; do $a$ select $$;$$; $a$; select a$b$c; select $1;")).toEqual([
      "do $$ begin; end $$;",
      "do $a$ select $$;$$; $a$;",
      "select a$b$c;",
      "select $1;",
    ]);
  });

  it("keep rules in parentheses and functions of statements whole, and transactions apart", () => {
    const rule = "create rule r as on insert to t do also (insert into u values (1); insert into u values (2));";
    const body =
      "create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end;";
    expect(split(`${rule} ${body} begin; commit;`)).toEqual([rule, body, "begin;", "commit;"]);
  });

  it("are nothing in an empty script, and joined are the script", async () => {
    expect(splitStatements(" -- nothing\n")).toEqual([]);
    for (const { name, text } of await readMigrationFiles()) {
      expect(splitStatements(text).join(""), name).toBe(text);
    }
  });
});
