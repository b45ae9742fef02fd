import { connect, createServer, type Socket } from "node:net";

export interface Wire {
  readonly port: number;
  /** How often a connection of that user spoke and then had to wait for PostgreSQL, so far. */
  roundTrips(user: string): number;
  close(): Promise<void>;
}

/** Parameters of a start message: pairs of texts, each ended by a zero. */
const userIn = (start: Buffer): string | undefined => {
  const texts = start.subarray(8).toString("latin1").split("\0");
  return texts[texts.indexOf("user") + 1];
};

/** A proxy before PostgreSQL that counts round trips; its clients must have no TLS. */
export const openWire = async (postgresPort: number): Promise<Wire> => {
  const seen = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(postgresPort, "127.0.0.1");
    let user: string | undefined;
    let speaking = false;
    for (const socket of [client.setNoDelay(), upstream.setNoDelay()]) {
      sockets.add(socket);
      socket.once("error", () => socket.destroy());
      socket.once("close", () => sockets.delete(socket));
    }
    client.on("data", (bytes) => {
      user ??= userIn(bytes) ?? "";
      if (!speaking) seen.set(user, (seen.get(user) ?? 0) + 1);
      speaking = true;
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      speaking = false;
      client.write(bytes);
    });
    client.once("close", () => upstream.destroy());
    upstream.once("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    roundTrips: (user) => seen.get(user) ?? 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
