import type { Handlers } from "../call.ts";
import { diagnoseLogin } from "./diagnose-login.ts";
import { diagnosePerformance } from "./diagnose-performance.ts";
import { diagnoseQuota } from "./diagnose-quota.ts";
import { diagnoseToken } from "./diagnose-token.ts";
import { diagnoseIsolation } from "./isolation/diagnose-isolation.ts";

/** What is wrong, and what mends it: for operators. */
export const diagnoseHandlers: Handlers<
  "diagnose.isolation" | "diagnose.login" | "diagnose.quota" | "diagnose.performance" | "diagnose.token"
> = {
  "diagnose.isolation": diagnoseIsolation,
  "diagnose.login": diagnoseLogin,
  "diagnose.quota": diagnoseQuota,
  "diagnose.performance": diagnosePerformance,
  "diagnose.token": diagnoseToken,
};
