// Starts the built embedded PostgreSQL in a process of its own, as a test asks for it in one JSON argument:
// { module, uid?, …options of startEmbedded }. At SIGINT or SIGTERM it asks the server one thing, then stops it.
import pg from "pg";

const { module, uid, ...options } = JSON.parse(process.argv[2]);
const { startEmbedded, EmbeddedError } = await import(module);
const say = (line) => process.stdout.write(`${line}\n`);

if (uid !== undefined) {
  process.setgroups([]);
  process.setgid(uid);
  process.setuid(uid);
}

async function ask(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("select 1");
  await client.end();
}

try {
  const postgres = await startEmbedded({
    ...options,
    log: say,
    onExit: (reason) => {
      say(`lost: ${reason}`);
      process.exit(9);
    },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, async () => {
      await ask(postgres.url);
      say(`still answers after ${signal}`);
      await postgres.stop();
      say("stopped");
    });
  }
  say(`ready ${JSON.stringify({ url: postgres.url, pid: postgres.pid, version: postgres.version })} `);
} catch (error) {
  if (!(error instanceof EmbeddedError)) throw error;
  say(`refused ${JSON.stringify({ code: error.code, message: error.message, hint: error.hint })} `);
  process.exit(3);
}
