import { ContractError } from "@tenantctl/contract";
import { build, sql, type Transaction, template } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { v7 as uuidv7 } from "uuid";
import { Answer, JsonText } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Handlers } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { jsonRow, pageAnswer } from "../json-page.ts";
import { oneMore, useQuota } from "../quotas/use-quota.ts";
import { tenantOf } from "../tenant-of.ts";
import { written } from "../written.ts";
import { listCustomers } from "./customer-list.ts";
import { type Customer, customerBytes, customerColumns, customerFields } from "./customer-row.ts";

const noSuchCustomer = (): ContractError =>
  new ContractError("not_found", "There is no such customer.", "`tenantctl customers list` shows them.");

const answer = (status: number, json: string | Buffer): Answer<Customer> =>
  new Answer<Customer>(status, new JsonText(json));

const storedEmail = <E extends string | null | undefined>(email: E): E | string =>
  typeof email === "string" ? normaliseEmail(email) : email;

type Given = string | RawBuilder<unknown>;
const isOne = (tenantId: Given, id: Given) => sql`tenant_id = ${tenantId}::uuid and id = ${id}::uuid`;

/** What one customer weighs, as an amount of storage. */
const bytesOf = (tenantId: Given, id: Given) =>
  sql<number>`(select ${customerBytes} from app.customers where ${isOne(tenantId, id)})`;

const lockCustomer = async (tx: Transaction, tenantId: string, id: string) => {
  const [row] = await tx.run(
    sql<{ json: string; bytes: number }>`select ${jsonRow(customerColumns)} as json, ${customerBytes} as bytes
      from app.customers where ${isOne(tenantId, id)} for update`.compile(build),
  );
  if (row === undefined) throw noSuchCustomer();
  return row;
};

const getCustomer = template(
  ["tenantId", "id"],
  ({ tenantId, id }) =>
    sql<{
      json: Buffer;
    }>`select ${jsonRow(customerColumns)} as "utf8:json" from app.customers where ${isOne(tenantId, id)}`,
);

const insertCustomer = template(
  ["tenantId", "id", "name", "email", "phone", "notes", "balanceMinor", "currency"],
  ({ tenantId, id, name, email, phone, notes, balanceMinor, currency }) =>
    written<{ json: string }>(
      sql`insert into app.customers (tenant_id, id, name, email, phone, notes, balance_minor, currency)
        values (${tenantId}, ${id}, ${name}, ${email}, ${phone}, ${notes}, ${balanceMinor}, ${currency})`,
      "made",
      sql`${jsonRow(customerColumns)} as json`,
    ),
);

const countCustomer = template(["tenantId", "id"], ({ tenantId, id }) =>
  oneMore(tenantId, "customers", bytesOf(tenantId, id)),
);

/** Customers, the example tenant resource. Lists, gets and creates take one round trip; PostgreSQL builds the JSON. */
export const customerHandlers: Handlers<
  "customers.list" | "customers.create" | "customers.get" | "customers.update" | "customers.delete"
> = {
  "customers.list": async (call) => pageAnswer(call, await call.scope.run(listCustomers(tenantOf(call), call.query))),

  "customers.get": async (call) => {
    const [row] = await call.scope.run(getCustomer({ tenantId: tenantOf(call), id: call.params.id }));
    if (row === undefined) throw noSuchCustomer();
    return answer(200, row.json);
  },

  "customers.create": async (call) => {
    const tenantId = tenantOf(call);
    const id = uuidv7();
    const { name, phone = null, notes = null, balanceMinor = 0, currency = "USD" } = call.body;
    const email = storedEmail(call.body.email ?? null);
    const [[row]] = await call.scope.batch([
      insertCustomer({ tenantId, id, name, email, phone, notes, balanceMinor, currency }),
      audited(call, { resourceId: id, after: { name, email, phone, notes, balanceMinor, currency } }),
      countCustomer({ tenantId, id }),
    ]);
    if (row === undefined) throw new Error("the insert answered no row");
    return answer(201, row.json);
  },

  "customers.update": (call) => {
    const tenantId = tenantOf(call);
    const { id } = call.params;
    return call.scope.transaction(async (tx) => {
      const { json, bytes } = await lockCustomer(tx, tenantId, id);
      const customer: Customer = JSON.parse(json);
      const change = changedFields(customer, { ...call.body, email: storedEmail(call.body.email) });
      if (change === undefined) return answer(200, json);
      const assignments = Object.entries(customerFields)
        .filter(([field]) => field in change.after)
        .map(([field, column]) => sql`${sql.ref(column)} = ${change.after[field as keyof typeof customerFields]}`);
      const [[row]] = await Promise.all([
        tx.run(
          written<{ json: string }>(
            sql`update app.customers set ${sql.join(assignments)}, updated_at = now() where ${isOne(tenantId, id)}`,
            "changed",
            sql`${jsonRow(customerColumns)} as json`,
          ).compile(build),
        ),
        tx.run(audited(call, { resourceId: customer.id, ...change })),
        tx.run(useQuota(tenantId, "storage_bytes", sql<number>`${bytesOf(tenantId, id)} - ${bytes}::bigint`)),
      ]);
      if (row === undefined) throw noSuchCustomer();
      return answer(200, row.json);
    });
  },

  "customers.delete": (call) => {
    const tenantId = tenantOf(call);
    const { id } = call.params;
    return call.scope.transaction(async (tx) => {
      const { json, bytes } = await lockCustomer(tx, tenantId, id);
      const { id: resourceId, createdAt: _, updatedAt: __, ...before }: Customer = JSON.parse(json);
      await Promise.all([
        tx.run(sql`delete from app.customers where ${isOne(tenantId, id)}`.compile(build)),
        tx.run(audited(call, { resourceId, before })),
        tx.run(useQuota(tenantId, "customers", -1)),
        tx.run(useQuota(tenantId, "storage_bytes", -bytes)),
      ]);
      return answer(200, json);
    });
  },
};
