import { createServer } from "node:net";
import { CliError } from "../cli-error.ts";

/** The port that will be listened on: the one asked for, or a free one for 0. Refuses a busy one before anything else is begun. */
export const claimPort = (host: string, port: number, setting = "PORT"): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      const busy = error.code === "EADDRINUSE";
      reject(
        new CliError(
          busy ? "port_busy" : "cannot_listen",
          busy ? 7 : 1,
          busy
            ? `Port ${port} on ${host} is in use by another program.`
            : `Nothing can listen on ${host}, port ${port}: ${error.message}.`,
          busy
            ? `Stop what listens there, or choose another port: ${setting}=${port + 1}.`
            : `Choose another ${setting} or address.`,
        ),
      );
    });
    probe.listen({ port, host, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
