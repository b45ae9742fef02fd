/** What stops the database from being set up or used, with the way out; SQL errors stay pg's own `DatabaseError`. */
export class DatabaseRefusal extends Error {
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DatabaseRefusal";
    this.code = code;
    this.hint = hint;
  }
}

/** No connection could be had, or it broke: whether a statement under way took effect is unknown. */
export class DatabaseUnavailable extends DatabaseRefusal {
  constructor(cause: unknown) {
    const reason = cause instanceof Error && cause.message !== "" ? cause.message : "no connection";
    super("database_unavailable", `The database cannot be reached: ${reason}`, "Check that PostgreSQL is running.", {
      cause,
    });
    this.name = "DatabaseUnavailable";
  }
}

/** So many wait for a connection that one more would only wait longer. Nothing was sent. */
export class PoolExhausted extends DatabaseRefusal {
  constructor(waiting: number) {
    // It comes by the thousand, and a stack is most of what it would cost.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(
      "pool_exhausted",
      `${waiting} already wait for a connection to the database.`,
      "Try again in a moment; if it stays so, give the server more connections or more processes.",
    );
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "PoolExhausted";
  }
}

/** Whoever asked had gone when there was a connection. Nothing was sent. */
export class CallerLeft extends DatabaseRefusal {
  constructor() {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super("caller_left", "The caller left while it waited for a connection to the database.", "Wait for the answer.");
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "CallerLeft";
  }
}

/** `commit` was answered with a rollback although no statement failed: nothing of the transaction was kept. */
export class TransactionRolledBack extends DatabaseRefusal {
  constructor() {
    super("transaction_rolled_back", "The transaction was rolled back instead of committed.", "Run it again.");
    this.name = "TransactionRolledBack";
  }
}
