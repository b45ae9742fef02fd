/** Version of the product. The API names it in `x-tenantctl-version` on authenticated answers; the CLI compares. */
export const version = "0.1.0";
