import type { CheckItem } from "@tenantctl/contract";
import {
  checkProtection,
  type InspectSettings,
  inspectLogins,
  inspectNodes,
  inspectServer,
  openDatabase,
  pendingMigrations,
} from "@tenantctl/database";

const oldest = 150_000;
const newest = 180_000;

/** What was seen, with the way out where it is no good. */
type Seen = Pick<CheckItem, "result" | "evidence" | "next">;
const well = (...evidence: string[]): Seen => ({ result: "ok", evidence, next: null });
const wrong = (next: string, ...evidence: string[]): Seen => ({ result: "problem", evidence, next });

const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : "";
  if (!(error instanceof Error)) return String(error);
  const said = error.message || error.name;
  return cause === "" ? said : `${said.replace(/\.$/, "")}${cause}`;
};

/** Where an error brings its own way out, that one. */
const nextOf = (error: unknown, otherwise: string): string =>
  error instanceof Error && "hint" in error && typeof error.hint === "string" ? error.hint : otherwise;

const look = async (id: string, title: string, otherwise: string, see: () => Promise<Seen>): Promise<CheckItem> => ({
  id,
  title,
  ...(await see().catch((error: unknown) => wrong(nextOf(error, otherwise), messageOf(error)))),
});

const server = async ({ url }: InspectSettings): Promise<Seen> => {
  const { version, versionNumber, user, citus } = await inspectServer(url);
  const seen = `PostgreSQL ${version}${citus === null ? "" : `, Citus ${citus}`}, as ${user}`;
  if (versionNumber < oldest) return wrong("Use PostgreSQL 15 to 18.", seen);
  if (citus !== null && Number.parseInt(citus, 10) < 13) return wrong("Use Citus 13 or newer.", seen);
  if (versionNumber < newest + 10_000) return well(seen);
  return { result: "warning", evidence: [`${seen}: newer than what was tested`], next: "Use PostgreSQL 15 to 18." };
};

const rights = async ({ url }: InspectSettings): Promise<Seen> => {
  const { user, superuser, mayCreateRoles, ownsDatabase } = await inspectServer(url);
  if (superuser) return well(`${user} is a superuser, which is more than it needs to be`);
  const missing = [
    ...(mayCreateRoles ? [] : [`${user} may not create roles`]),
    ...(ownsDatabase ? [] : [`${user} does not own the database`]),
  ];
  const next = `As a superuser: alter role ${user} createrole; alter database … owner to ${user};`;
  return missing.length === 0 ? well(`${user} owns the database and may create roles`) : wrong(next, ...missing);
};

const logins = async (settings: InspectSettings): Promise<Seen> => {
  const failed = await inspectLogins(settings);
  return failed.length === 0
    ? well("the roles tenant, operator and jobs log in")
    : wrong("tenantctl migrate", ...failed.map(({ role, reason }) => `${role}: ${reason}`));
};

const schema = async (settings: InspectSettings): Promise<Seen[]> => {
  const db = await openDatabase({ ...settings, poolSizes: { operator: 2, tenant: 1 } });
  try {
    const scope = db.operator(undefined, { readOnly: true });
    const pending = await pendingMigrations(scope);
    if (pending.length > 0) return [wrong("tenantctl migrate", `pending: ${pending.join(", ")}`)];
    const unsafe = await checkProtection(scope);
    return [
      well("every migration of this version is applied"),
      unsafe.length === 0
        ? well("roles, tables and policies are as they should be")
        : wrong("Mend what is named; `tenantctl serve` refuses until then.", ...unsafe),
    ];
  } finally {
    await db.close();
  }
};

const nodes = async (settings: InspectSettings): Promise<Seen> => {
  const closed = await inspectNodes(settings);
  if (closed.length === 0) return well("the roles owner, tenant and operator get from every node to every node");
  return wrong(
    "Let these roles in from node to node: .pgpass, pg_dist_authinfo or certificates (docs/scaling.md, Citus).",
    ...closed.map(({ role, from, to }) => `${role} can't log in from ${from} to ${to}`),
  );
};

/** The embedded PostgreSQL, which is started where no other is named. */
export const embeddedItem = (): Promise<CheckItem> =>
  look("database", "There is a database", "Set DATABASE_URL.", async () => {
    (await import("@tenantctl/database/embedded")).packagedFolder();
    return well("DATABASE_URL is not set: `tenantctl serve` brings a PostgreSQL of its own");
  });

/** What can be seen of the database; what stands on something that is wrong is not looked at. */
export const databaseItems = async (settings: InspectSettings): Promise<CheckItem[]> => {
  const items = [
    await look("database", "The database answers", "Check DATABASE_URL, and that PostgreSQL runs there.", () =>
      server(settings),
    ),
  ];
  const bad = () => items.some(({ result }) => result === "problem");
  if (bad()) return items;
  items.push(await look("rights", "Its user may do what migrations need", "Try again.", () => rights(settings)));
  const { citus } = await inspectServer(settings.url);
  items.push(await look("logins", "The product's roles log in", "tenantctl migrate", () => logins(settings)));
  if (citus !== null && !bad())
    items.push(
      await look("nodes", "Citus' nodes let the roles in", "See docs/scaling.md, Citus.", () => nodes(settings)),
    );
  if (bad()) return items;
  let protection: Seen | undefined;
  items.push(
    await look("migrations", "The schema is this version's", "tenantctl migrate", async () => {
      const [migrations, protectedWell] = await schema(settings);
      protection = protectedWell;
      return migrations ?? well();
    }),
  );
  if (protection !== undefined) items.push({ id: "protection", title: "Tenants are kept apart", ...protection });
  return items;
};
