/** Server settings by purpose. Given on the command line, so that they can't drift from what a data folder was made with. */
const always = {
  listen_addresses: "127.0.0.1",
  // Clients use TCP; without a socket there is no socket file for a killed server to leave behind.
  unix_socket_directories: "",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  password_encryption: "scram-sha-256",
  log_line_prefix: "%m [%p] %q%u@%d ",
  shared_buffers: "128MB",
  max_wal_size: "512MB",
  jit: "off",
};

const lasting = { max_connections: "100" };

/** For data that end with the test run: a crash of the machine may lose them, a crash of the server may not. */
const throwaway = {
  max_connections: "300",
  fsync: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
};

/** The settings of one start as `-c name=value` arguments. */
export function settingArguments(port: number, durable: boolean): string[] {
  const settings = { ...always, ...(durable ? lasting : throwaway), port: String(port) };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
