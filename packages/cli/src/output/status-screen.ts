import { type ResultOf, type Routes, tenantStatuses } from "@tenantctl/contract";
import { bytesText, colourOf } from "./cell.ts";
import { cleanLine } from "./clean.ts";
import type { Paint } from "./paint.ts";

type Status = ResultOf<Routes["status.get"]>;

/** Seconds as the two largest units: `3d 4h`. */
export const durationText = (seconds: number): string => {
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(" ");
};

const cut = (text: string, width: number): string => {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, width - 1).join("")}…`;
};

const amount = (resource: string, value: number): string =>
  resource === "storage_bytes" ? bytesText(value) : String(value);

/** How old the oldest of the newest backups is, who has none, and when one was last tried. */
const backups = (
  { oldestBackupAt, withoutRecentBackup, lastVerifiedAt, lastDrilledAt }: Status["backups"],
  paint: Paint,
  width: number,
): string => {
  const day = (time: string | null): string => time?.slice(0, 10) ?? "never";
  const parts = [
    withoutRecentBackup > 0 ? `${withoutRecentBackup} overdue` : "none overdue",
    `oldest ${oldestBackupAt?.slice(0, 16).replace("T", " ") ?? "none"}`,
    `verified ${day(lastVerifiedAt)}`,
    `drilled ${day(lastDrilledAt)}`,
  ];
  const text = cut(parts.join(", "), width);
  return withoutRecentBackup > 0 ? paint.red(text) : text;
};

/** The system on one screen of 24 lines, each at most `columns` wide; in a pipe nothing is cut. */
export const statusText = (status: Status, url: string, paint: Paint, columns: number | undefined): string => {
  const { health } = status;
  const width = columns ?? Number.POSITIVE_INFINITY;
  const tinted = (word: string, text = word): string => {
    const colour = colourOf(word);
    return colour === undefined ? text : paint[colour](text);
  };
  const line = (label: string, text: string): string => `${paint.dim(label.padEnd(12))}${text}`;
  const latency = health.database.latencyMs === null ? "" : `, ${health.database.latencyMs.toFixed(1)} ms`;
  const tenants = tenantStatuses
    .filter((name) => (status.tenants[name] ?? 0) > 0)
    .map((name) => `${status.tenants[name]} ${name}`)
    .join(", ");
  const head = [
    line(
      "api",
      cut(cleanLine(`${url}, version ${status.version}, up ${durationText(health.uptimeSeconds)}`), width - 12),
    ),
    line("health", tinted(health.status)),
    line("database", health.database.reachable ? `reachable${latency}` : tinted("down", "not reachable")),
    line("migrations", health.migrations === "current" ? "current" : paint.yellow(health.migrations)),
    line("tenants", cut(tenants === "" ? "none yet" : tenants, width - 12)),
    line("backups", backups(status.backups, paint, width - 12)),
    line("operations", status.operationsRunning === 0 ? "none running" : `${status.operationsRunning} running`),
  ];
  const section = (title: string, total: number, lines: readonly string[], rest: string): string[] => {
    if (total === 0) return [line(title, "none")];
    const shown = lines.slice(0, 6);
    return [
      line(title, String(total)),
      ...shown,
      ...(total > shown.length ? [paint.dim(`  … ${total - shown.length} more: ${rest}`)] : []),
    ];
  };
  const quotas = status.quotasNearLimit.map(({ slug, resource, used, limit, percentage }) => {
    const text = cut(
      `${cleanLine(slug)}  ${resource} ${amount(resource, used)} of ${amount(resource, limit)}`,
      width - 10,
    );
    const percent = `${Math.round(percentage)} %`.padStart(6);
    return `  ${percentage >= 100 ? paint.red(percent) : paint.yellow(percent)}  ${text}`;
  });
  const alerts = status.alerts.map(({ severity, tenantSlug, summary }) => {
    const text = cut(cleanLine(`${tenantSlug === null ? "" : `${tenantSlug}: `}${summary}`), width - 12);
    return `  ${tinted(severity, severity.padEnd(8))}  ${text}`;
  });
  return [
    ...head,
    ...section("alerts", status.alertsTotal, alerts, "tenantctl alerts list"),
    ...section("near quota", status.quotasNearLimitTotal, quotas, "tenantctl alerts list"),
  ].join("\n");
};
