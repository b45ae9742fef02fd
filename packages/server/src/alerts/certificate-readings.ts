import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Settings } from "../settings.ts";
import type { HostReading } from "./host-readings.ts";

const metric = "certificate_days_left";
const patienceMs = 5000;
const dayMs = 86_400_000;

/** What PostgreSQL is asked before it speaks TLS: a length of 8 and the code of SSLRequest. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

interface Place {
  readonly host: string;
  readonly port: number;
  readonly postgres: boolean;
}

/** Resolves once PostgreSQL agrees to TLS on this connection. */
const agreeOnTls = (socket: Socket): Promise<void> =>
  new Promise((agreed, refused) => {
    socket.once("error", refused);
    socket.once("close", () => refused(new Error("the connection was closed")));
    socket.once("data", (answer) =>
      answer.toString() === "S" ? agreed() : refused(new Error("the server does not speak TLS")),
    );
    socket.write(sslRequest);
  });

/** When the certificate ends that a server shows. Whether it can be trusted is for those who send something to decide. */
const expiryOf = async ({ host, port, postgres }: Place): Promise<Date> => {
  const socket = connectTcp({ host, port });
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${patienceMs / 1000} s`)), patienceMs);
  try {
    if (postgres) await agreeOnTls(socket);
    return await new Promise<Date>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the connection was closed")));
      const name = isIP(host) === 0 ? { servername: host } : {};
      const secure = connectTls({ socket, rejectUnauthorized: false, ...name }, () => {
        const { valid_to: end } = secure.getPeerCertificate();
        if (end === undefined) reject(new Error("the server shows no certificate"));
        else resolve(new Date(end));
      });
      secure.once("error", reject);
    });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
};

const noTls: ReadonlySet<string | null> = new Set([null, "", "disable", "allow", "prefer"]);

/** Where TLS certificates are shown: PostgreSQL where its URL asks for TLS, and the public address. */
const placesOf = ({ databaseUrl, operatorDatabaseUrl, publicUrl }: Settings): readonly Place[] => {
  const places: Place[] = [];
  const database = databaseUrl ?? operatorDatabaseUrl;
  if (database !== undefined && URL.canParse(database)) {
    const { hostname, port, searchParams } = new URL(database);
    const secure = !noTls.has(searchParams.get("sslmode")) || searchParams.get("ssl") === "true";
    if (secure && hostname !== "") places.push({ host: hostname, port: Number(port || 5432), postgres: true });
  }
  if (publicUrl !== undefined) {
    const { hostname, port } = new URL(publicUrl);
    places.push({ host: hostname, port: Number(port || 443), postgres: false });
  }
  return places;
};

/** The days that each certificate has left; one reading that says why where there is none to look at. */
export const certificateReadings = async (settings: Settings): Promise<readonly HostReading[]> => {
  const places = placesOf(settings);
  if (places.length === 0) {
    const problem =
      "PostgreSQL is not connected to by TLS, and TENANTCTL_PUBLIC_URL does not say where people reach the API";
    return [{ metric, subject: "", value: null, problem, evidence: {} }];
  }
  return Promise.all(
    places.map(async (place): Promise<HostReading> => {
      const subject = `${place.host}:${place.port}`;
      try {
        const end = await expiryOf(place);
        const value = (end.getTime() - Date.now()) / dayMs;
        return { metric, subject, value, problem: null, evidence: { expiresAt: end.toISOString() } };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return {
          metric,
          subject,
          value: null,
          problem: `the certificate of ${subject} can't be read: ${reason}`,
          evidence: {},
        };
      }
    }),
  );
};
