import { ContractError } from "@tenantctl/contract";
import { build, type Catalogue, type CatalogueTable, readCatalogue, type Scope, sql } from "@tenantctl/database";

/** Tables whose rows are removed together: one, or several that refer to each other in a cycle. */
export interface DeletionStep {
  readonly tables: readonly CatalogueTable[];
  /** Rows refer to each other: they must all go in one transaction that checks its keys at the end. */
  readonly cyclic: boolean;
}

/** What a table is called in answers: as in exports, without the schema where it is the product's own. */
export const shownName = ({ name, schema, table }: CatalogueTable): string => (schema === "app" ? table : name);

const referredFrom = (catalogue: Catalogue, start: CatalogueTable): ReadonlySet<string> => {
  const reached = new Set<string>();
  const ahead = [start];
  for (let table = ahead.pop(); table !== undefined; table = ahead.pop()) {
    for (const { references } of table.foreignKeys) {
      const parent = catalogue.table(references);
      if (reached.has(references) || parent === undefined) continue;
      reached.add(references);
      ahead.push(parent);
    }
  }
  return reached;
};

/**
 * Every protected table, children before parents. Throws transition_forbidden while a table is in no class: nobody knows
 * whether it holds some of the tenant's data.
 */
export const readDeletionTables = async (scope: Scope): Promise<DeletionStep[]> => {
  const [catalogue, unclassified] = await Promise.all([
    readCatalogue(scope),
    scope.run(sql<{ name: string }>`select tenancy.unclassified()::text as name`.compile(build)),
  ]);
  if (unclassified.length > 0) {
    const names = unclassified.map(({ name }) => name).join(", ");
    throw new ContractError(
      "transition_forbidden",
      `In no class of table, so that nobody can tell whether it holds data of this tenant: ${names}.`,
      "Classify it with tenancy.protect, tenancy.retain or tenancy.global, then delete the tenant.",
    );
  }
  const order = catalogue.deletionOrder();
  const reach = new Map(order.map((table) => [table, referredFrom(catalogue, table)]));
  const refers = (from: CatalogueTable, to: CatalogueTable): boolean => reach.get(from)?.has(to.name) === true;
  const steps: DeletionStep[] = [];
  const done = new Set<CatalogueTable>();
  for (const table of order) {
    if (done.has(table)) continue;
    const tables = order.filter((other) => other === table || (refers(table, other) && refers(other, table)));
    for (const member of tables) done.add(member);
    steps.push({ tables, cyclic: refers(table, table) });
  }
  return steps;
};
