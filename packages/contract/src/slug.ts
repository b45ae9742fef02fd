/** Lower-case words and single hyphens, 2 to 63 characters, never UUID-shaped (a tenant's id or slug serves anywhere). */
export const slugPattern = "^[a-z0-9]+(-[a-z0-9]+)*$";

/** Words that would be mistaken for something else in a path, a file name or a prompt. */
export const reservedSlugs: ReadonlySet<string> = new Set([
  "admin",
  "api",
  "app",
  "all",
  "auth",
  "backup",
  "backups",
  "config",
  "default",
  "docs",
  "export",
  "global",
  "health",
  "help",
  "login",
  "logout",
  "me",
  "metrics",
  "new",
  "none",
  "null",
  "operator",
  "operators",
  "plans",
  "provision",
  "public",
  "root",
  "run",
  "self",
  "status",
  "support",
  "system",
  "tenant",
  "tenants",
  "undefined",
  "users",
  "www",
]);

const uuidShaped = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** False for a slug that would be mistaken for something else: a reserved word, or what has the form of an id. */
export const isFreeSlug = (slug: string): boolean => !reservedSlugs.has(slug) && !uuidShaped.test(slug);
