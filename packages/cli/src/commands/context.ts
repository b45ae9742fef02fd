import { usage } from "../cli-error.ts";
import { defineCommands, type Positional } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { configDir } from "../session/config-dir.ts";
import {
  type Context,
  changeContexts,
  checkedName,
  putContext,
  readContexts,
  removeContext,
} from "../session/contexts.ts";
import { readCredentials } from "../session/credentials.ts";
import { checkedUrl } from "../session/target.ts";

const name = [{ name: "name", label: "context", help: "The context's name" }] as const satisfies readonly Positional[];
const properties = ["name", "current", "url", "protected", "email", "tenant", "credentials"];

const nameIn = ({ args }: Invocation): string => {
  const [given, ...more] = args;
  if (given === undefined) throw usage("missing: <context>");
  if (more.length > 0) throw usage("too many arguments: this command takes <context>");
  return checkedName(given);
};

const known = async (dir: string, wanted: string): Promise<Context> => {
  const { contexts } = await readContexts(dir);
  const context = Object.hasOwn(contexts, wanted) ? contexts[wanted] : undefined;
  if (context === undefined) {
    const names = Object.keys(contexts).join(", ");
    throw usage(
      `there is no context ${wanted}`,
      names === "" ? "`tenantctl login` makes the first one." : `There are: ${names}.`,
    );
  }
  return context;
};

const rowsIn = async (dir: string) => {
  const { current, contexts } = await readContexts(dir);
  return Promise.all(
    Object.entries(contexts).map(async ([key, context]) => ({
      name: key,
      current: key === current,
      url: context.url,
      protected: context.protected === true,
      email: context.email ?? null,
      tenant: context.tenant ?? null,
      credentials: (await readCredentials(dir, key))?.kind ?? null,
    })),
  );
};

export const commands = defineCommands([
  {
    path: ["context", "list"],
    summary: "List contexts",
    run: async ({ settings, out }) => {
      const rows = await rowsIn(configDir(settings.env));
      await out.list([JSON.stringify(rows)], {
        columns: [
          { key: "name" },
          { key: "current" },
          { key: "url", flex: true },
          { key: "protected" },
          { key: "email", flex: true, drop: 1 },
          { key: "tenant", flex: true, drop: 2 },
          { key: "credentials", drop: 3 },
        ],
        properties,
        empty: "no contexts yet; `tenantctl login` makes one",
      });
      return 0;
    },
    examples: ["context list"],
  },
  {
    path: ["context", "show"],
    summary: "Show the current context, or another",
    positional: [{ ...name[0], optional: true }],
    run: async (invocation) => {
      const { settings, out, args } = invocation;
      const dir = configDir(settings.env);
      const { current } = await readContexts(dir);
      const wanted = args[0] === undefined ? (settings.context ?? current) : nameIn(invocation);
      if (wanted === undefined) throw usage("there is no current context", "`tenantctl login` makes one.");
      await known(dir, wanted);
      const row = (await rowsIn(dir)).find((candidate) => candidate.name === wanted);
      await out.record(JSON.stringify({ ...row, directory: dir }), {
        cells: [],
        properties: [...properties, "directory"],
      });
      return 0;
    },
    examples: ["context show", "context show production"],
  },
  {
    path: ["context", "add"],
    summary: "Add a context, or change its address",
    positional: name,
    flags: [
      { flags: "--url <url>", help: "Where its API is" },
      { flags: "--protected", help: "Changes must name it with --context" },
    ],
    run: async (invocation) => {
      const { settings, out, flags } = invocation;
      const wanted = nameIn(invocation);
      const url = textFlag(flags, "url") ?? settings.apiUrl;
      if (url === undefined) throw usage("missing: --url");
      const dir = configDir(settings.env);
      const { contexts } = await readContexts(dir);
      const {
        email: _email,
        tenant: _tenant,
        ...kept
      } = Object.hasOwn(contexts, wanted) ? (contexts[wanted] ?? {}) : {};
      const context = {
        ...kept,
        url: checkedUrl(url, "--url"),
        ...(flags.protected === true ? { protected: true } : {}),
      };
      await putContext(dir, wanted, context, false);
      out.note(`context ${wanted} is ${context.url}. Next: tenantctl login --context ${wanted}`);
      return 0;
    },
    examples: ["context add production --url https://tenants.example.com --protected"],
  },
  {
    path: ["context", "use"],
    summary: "Make a context the current one",
    positional: name,
    run: async (invocation) => {
      const wanted = nameIn(invocation);
      const dir = configDir(invocation.settings.env);
      const { url } = await known(dir, wanted);
      await changeContexts(dir, (contexts) => ({ ...contexts, current: wanted }));
      invocation.out.note(`using ${wanted} (${url}).`);
      return 0;
    },
    examples: ["context use production"],
  },
  {
    path: ["context", "protect"],
    summary: "Make changes in a context ask for --context",
    positional: name,
    flags: [{ flags: "--off", help: "Take the protection away" }],
    run: async (invocation) => {
      const wanted = nameIn(invocation);
      const dir = configDir(invocation.settings.env);
      const { protected: _was, ...context } = await known(dir, wanted);
      const on = invocation.flags.off !== true;
      await putContext(dir, wanted, { ...context, ...(on ? { protected: true } : {}) }, false);
      invocation.out.note(`${wanted} is ${on ? "" : "no longer "}protected.`);
      return 0;
    },
    examples: ["context protect production", "context protect staging --off"],
  },
  {
    path: ["context", "remove"],
    summary: "Forget a context and its login",
    positional: name,
    run: async (invocation) => {
      const wanted = nameIn(invocation);
      const dir = configDir(invocation.settings.env);
      await known(dir, wanted);
      await removeContext(dir, wanted);
      invocation.out.note(
        `forgot ${wanted}. Its session ends by itself; \`tenantctl logout\` would have ended it at once.`,
      );
      return 0;
    },
    examples: ["context remove staging"],
  },
]);
