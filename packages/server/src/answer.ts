import type { Readable } from "node:stream";

/** JSON that PostgreSQL has built already; sent as it is. */
export class JsonText {
  readonly text: string | Buffer;
  constructor(text: string | Buffer) {
    this.text = text;
  }
}

/** A handler's answer where the body alone does not say it all. */
export class Answer<T> {
  readonly status: number;
  readonly body: T | JsonText | Readable;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, body: T | JsonText | Readable, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export const created = <T>(body: T): Answer<T> => new Answer(201, body);
