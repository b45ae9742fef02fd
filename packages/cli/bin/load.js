// Loads what build.js built, with the code that V8 compiled then: compiling takes longer than what a short command does.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

const folder = join(__dirname, "..", "dist");
const modules = new Map();

const codeOf = (file) => {
  try {
    return readFileSync(`${file}.code`);
  } catch {
    return undefined;
  }
};

/** The exports of a file of ./dist. `onScript` hears of each that is loaded for the first time. */
const load = (name, onScript) => {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const made = { exports: {} };
  modules.set(name, made);
  const file = join(folder, name);
  const script = new Script(
    // What is built is ASCII.
    `(function(exports,require,module,__filename,__dirname){${readFileSync(file, "latin1")}\n})`,
    {
      filename: file,
      // Of another version of V8 it is passed over.
      cachedData: codeOf(file),
    },
  );
  onScript?.(file, script);
  const requireFrom = (other) => (other.startsWith("./") ? load(other.slice(2), onScript) : require(other));
  script.runInThisContext()(made.exports, requireFrom, made, file, folder);
  return made.exports;
};

// Only node's own loader knows source maps.
exports.load = process.sourceMapsEnabled ? (name) => require(join(folder, name)) : load;
