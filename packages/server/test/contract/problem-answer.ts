import { errors, isErrorCode } from "@tenantctl/contract";

/** What would tell a caller about the inside: stack traces, files, statements. */
const inside =
  /node_modules|\.[cm]?[jt]s:\d|\bat [\w.<>]+ \(|SQLSTATE|syntax error at|relation "|\bapp\.[a-z_]+\b|stack"/;

const fields = ["type", "title", "status", "code", "detail", "hint", "requestId"];

export interface Answered {
  readonly status: number;
  readonly text: string;
  readonly header: (name: string) => string | null;
}

/** Throws, saying why, unless this is a whole problem document of the contract's; answers its code. */
export const problemCode = ({ status, text, header }: Answered): string => {
  const fail = (why: string): never => {
    throw new Error(`${why}: ${status} ${text.slice(0, 500)}`);
  };
  if (header("content-type")?.startsWith("application/problem+json") !== true) fail("not application/problem+json");
  const problem: Record<string, unknown> = JSON.parse(text);
  const { code, requestId, detail, hint, title } = problem;
  if (typeof code !== "string" || !isErrorCode(code)) return fail("no code of the contract");
  const names = Object.keys(problem).filter((name) => name !== "faults");
  if (names.toSorted().join() !== fields.toSorted().join()) fail("not the fields of a problem");
  if (errors[code].status !== status || problem.status !== status) fail("not the status of its code");
  if (title !== errors[code].title || problem.type !== `urn:tenantctl:error:${code}`) fail("not the title of its code");
  if (typeof detail !== "string" || detail === "" || typeof hint !== "string" || hint === "") fail("no detail or hint");
  if (typeof requestId !== "string" || requestId === "") fail("no requestId");
  const sent = header("x-request-id");
  if (sent !== null && sent !== requestId) fail("another requestId in the header");
  if (inside.test(text)) fail("tells about the inside");
  return code;
};
