import { gzipSync } from "node:zlib";
import { ContractError } from "@tenantctl/contract";
import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bodyArrival } from "../src/body-arrival.ts";
import { problemCode } from "./contract/problem-answer.ts";
import { sendBytes, sendRaw } from "./contract/raw-request.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** A request whose body is never sent to its end. */
const unfinished = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;

describe("a body that does not arrive", () => {
  it("is waited for only so long, then the request is refused and its connection ended", async () => {
    const fastify = Fastify();
    fastify.setErrorHandler((error, _request, reply) =>
      reply.code(408).send({ code: error instanceof ContractError ? error.code : String(error) }),
    );
    fastify.post("/", { preParsing: bodyArrival(1) }, async () => "read");
    const url = await fastify.listen({ port: 0, host: "127.0.0.1" });
    try {
      const answer = await sendBytes(url, unfinished("/"));
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([408, "request_timeout"]);
      expect(answer.header("connection")).toBe("close");
    } finally {
      await fastify.close();
    }
  });

  it("is not waited for where there is no such route: anybody could have thousands of requests under way", async () => {
    const answer = await sendBytes(server.url, unfinished("/api/nothing"));
    expect(problemCode(answer)).toBe("route_not_found");
  });
});

it("a compressed body is refused as what it is", async () => {
  const body = gzipSync(JSON.stringify(server.operator));
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const answer = await sendRaw(server.url, { method: "POST", path: "/api/auth/login", headers, body });
  expect(problemCode(answer)).toBe("unsupported_media_type");
  expect(answer.text).toContain("compressed");
});

it("a path that does not take a method says which it takes", async () => {
  for (const path of ["/api/customers", "/api/customers/"]) {
    const answer = await sendRaw(server.url, { method: "PUT", path });
    expect([problemCode(answer), answer.header("allow")]).toEqual(["method_not_allowed", "GET, HEAD, POST"]);
  }
  const absent = await sendRaw(server.url, { method: "GET", path: "/api/nothing" });
  expect([problemCode(absent), absent.header("allow")]).toEqual(["route_not_found", null]);
});
