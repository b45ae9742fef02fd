/** The fields of `patch` that differ from `row`, before and after; undefined where nothing does. */
export const changedFields = <T extends object>(
  row: T,
  patch: { readonly [K in keyof T]?: T[K] | undefined },
): { before: Partial<T>; after: Partial<T> } | undefined => {
  const before: Partial<T> = {};
  const after: Partial<T> = {};
  let changed = false;
  for (const name of Object.keys(patch) as (keyof T)[]) {
    const value = patch[name];
    if (value === undefined || value === row[name]) continue;
    before[name] = row[name];
    after[name] = value;
    changed = true;
  }
  return changed ? { before, after } : undefined;
};
