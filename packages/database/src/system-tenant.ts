/** Rows about no tenant (an operator's login, a plan changed) carry this id; in JSON it is null. */
export const SYSTEM_TENANT_ID = "00000000-0000-7000-8000-000000000000";
