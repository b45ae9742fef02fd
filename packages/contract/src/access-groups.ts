/** What the access log can be summed up by. */
export const accessGroups = ["actor", "address", "route", "tenant"] as const;
