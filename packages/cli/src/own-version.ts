export { version } from "@tenantctl/contract";
