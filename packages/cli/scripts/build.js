// Builds the command line into ./dist, in a form that starts fast: `node build.js`. docs/performance.md says what each
// part of it saves.
import { deepStrictEqual } from "node:assert";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { build, transform } from "esbuild";

const outdir = resolve("dist");
const target = { platform: "node", target: "node20.19", logLevel: "warning" };
const sources = { ...target, bundle: true, write: false, outdir, format: "esm", conditions: ["source"] };

/** The contract's routes, evaluated now. */
const evaluateRoutes = async () => {
  const { outputFiles } = await build({ ...sources, entryPoints: ["../contract/src/routes/index.ts"] });
  const { routes } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
  deepStrictEqual(JSON.parse(JSON.stringify(routes)), routes, "a route of the contract is more than data");
  return routes;
};

/**
 * Routes as files, each read when it is first asked for: a command needs one or two of them, and to make the schemas of
 * all takes longer than everything else that a short command does.
 */
const routesFromFiles = (ids) => ({
  name: "routes-from-files",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]contract[\\/]src[\\/]routes[\\/]index\.ts$/ }, () => ({
      contents: `
        import { readFileSync } from "node:fs";
        const known = new Map();
        const read = (id) => known.set(id, JSON.parse(readFileSync(\`\${__dirname}/routes/\${id}.json\`, "utf8")));
        const property = (id) => [id, { enumerable: true, get: () => (known.get(id) ?? read(id).get(id)) }];
        export const routeIds = ${JSON.stringify(ids)};
        export const routes = Object.defineProperties({}, Object.fromEntries(routeIds.map(property)));`,
    })),
});

/** commander loads what starts programs, which no command here is. */
const withoutPrograms = {
  name: "without-programs",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path: "absent", namespace: "absent" } : undefined,
    );
    onLoad({ filter: /^absent$/, namespace: "absent" }, () => ({ contents: "" }));
  },
};

/** What all entries reach comes into one file, and every file costs a start time: so each reaches what most need. */
const reachCommon = (entries) => ({
  name: "reach-common",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]cli[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      if (!entries.has(path)) return undefined;
      return {
        contents: `${readFileSync(path, "utf8")}\nimport ${JSON.stringify(resolve("src/common.ts"))};`,
        loader: "ts",
      };
    }),
});

/** Modules with a chunk for each that is loaded later. */
const bundle = (plugins) =>
  build({
    ...sources,
    entryPoints: ["src/main.ts"],
    splitting: true,
    minifyWhitespace: true,
    minifySyntax: true,
    external: [
      "inquirer",
      "yaml",
      "csv-stringify",
      "cli-table3",
      "cli-progress",
      "@tenantctl/server",
      "@tenantctl/database",
    ],
    sourcemap: "inline",
    metafile: true,
    plugins: [withoutPrograms, ...plugins],
  });

/** CommonJS is read at once, without the loader of modules: that one is for other packages alone. */
const asCommonJs = async ({ path, text }) => {
  const name = basename(path);
  const own = text.replaceAll(/\bimport\((?="(\.|node:))/g, "requireLater(");
  const later = own.replaceAll(/\bimport\((?=")/g, 'require("../bin/import-package.js")(');
  const { code, map } = await transform(later, {
    ...target,
    format: "cjs",
    minifyWhitespace: true,
    minifySyntax: true,
    banner: own === text ? "" : "const requireLater=async name=>require(name);",
    sourcemap: "external",
    sourcefile: name,
  });
  writeFileSync(join(outdir, name), `${code}//# sourceMappingURL=${name}.map\n`);
  writeFileSync(join(outdir, `${name}.map`), map);
};

/** What short commands run is kept compiled: `status` draws what an API says that knows its health and nothing else. */
const keepCode = async (commands) => {
  const health = { status: "ok", database: { reachable: true, latencyMs: 1 }, migrations: "current", uptimeSeconds: 1 };
  const api = createServer((_request, response) => response.writeHead(503).end(JSON.stringify(health)));
  await new Promise((resolve) => api.listen(0, "127.0.0.1", resolve));
  const env = {
    PATH: process.env.PATH,
    TENANTCTL_API_URL: `http://localhost:${api.address().port}`,
    TENANTCTL_TOKEN: "none",
    TENANTCTL_CONFIG_DIR: outdir,
  };
  for (const argv of commands)
    await promisify(execFile)(process.execPath, ["scripts/keep-code.cjs", ...argv], { env }).catch((error) => {
      if (typeof error.code !== "number") throw error;
    });
  api.close();
};

const routes = await evaluateRoutes();
const fromFiles = routesFromFiles(Object.keys(routes));
const { metafile } = await bundle([fromFiles]);
const loaded = Object.values(metafile.outputs)
  .flatMap(({ entryPoint }) => entryPoint ?? [])
  .map((path) => resolve(path));
const entries = new Set(loaded.filter((path) => path !== resolve("src/main.ts")));
const { outputFiles } = await bundle([fromFiles, reachCommon(entries)]);

mkdirSync(join(outdir, "routes"), { recursive: true });
// V8 would take what was compiled for other code of the same length. All else may be in use and stays.
for (const name of readdirSync(outdir)) if (name.endsWith(".code")) rmSync(join(outdir, name));
writeFileSync(join(outdir, "package.json"), `${JSON.stringify({ type: "commonjs" })}\n`);
for (const [id, shape] of Object.entries(routes))
  writeFileSync(join(outdir, "routes", `${id}.json`), JSON.stringify(shape));
await Promise.all(outputFiles.map(asCommonJs));
await keepCode([["--help"], ["list"], ["status"]]);
