import { shellWord } from "../output/shell-word.ts";

/** What a schedule runs, and when. */
export interface Schedule {
  /** The program and its arguments, all paths absolute. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where its log goes (cron; systemd has its journal). */
  readonly log: string;
  readonly hour: number;
  readonly minute: number;
}

/** In a crontab a percent sign ends the command. */
const cronText = (text: string): string => text.replaceAll("%", "\\%");

const assignments = (env: Schedule["env"], quote: (text: string) => string): string[] =>
  Object.entries(env).map(([name, value]) => `${name}=${quote(value)}`);

/** A line for `crontab -e`. */
export const cronLine = ({ words, env, log, hour, minute }: Schedule): string => {
  const command = [...assignments(env, shellWord), ...words.map(shellWord)].join(" ");
  return `${minute} ${hour} * * * ${cronText(`${command} >> ${shellWord(log)} 2>&1`)}`;
};

/** One word for systemd, which has percent signs and variables of its own. */
const unitWord = (text: string): string => {
  const safe = text.replaceAll("\\", "\\\\").replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(safe) ? safe : `"${safe.replaceAll('"', '\\"')}"`;
};

const unitEnv = (name: string, value: string): string =>
  `Environment="${name}=${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;

const two = (number: number): string => String(number).padStart(2, "0");

/** A service and its timer, as two files in one text. */
export const systemdUnits = ({ words, env, hour, minute }: Schedule): string =>
  [
    "# /etc/systemd/system/tenantctl-backup.service",
    "[Unit]",
    "Description=Back up all tenants",
    "Wants=network-online.target",
    "After=network-online.target",
    "",
    "[Service]",
    "Type=oneshot",
    ...Object.entries(env).map(([name, value]) => unitEnv(name, value)),
    `ExecStart=${words.map(unitWord).join(" ")}`,
    "TimeoutStartSec=infinity",
    "Nice=10",
    "",
    "# /etc/systemd/system/tenantctl-backup.timer",
    "# systemctl daemon-reload && systemctl enable --now tenantctl-backup.timer",
    "[Unit]",
    "Description=Back up all tenants every day",
    "",
    "[Timer]",
    `OnCalendar=*-*-* ${two(hour)}:${two(minute)}:00`,
    "Persistent=true",
    "",
    "[Install]",
    "WantedBy=timers.target",
  ].join("\n");
