// Runs tenantctl as bin/tenantctl.js does, and keeps what V8 has compiled by its end beside each file of ./dist.
const { writeFileSync } = require("node:fs");
const { load } = require("../bin/load.js");

const scripts = [];
process.on("exit", () => {
  for (const [file, script] of scripts) writeFileSync(`${file}.code`, script.createCachedData());
});
load("main.js", (...loaded) => scripts.push(loaded)).main(process.argv.slice(2));
