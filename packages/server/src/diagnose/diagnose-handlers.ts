import type { Handlers } from "../call.ts";
import { diagnoseLogin } from "./diagnose-login.ts";

/** What is wrong, and what mends it: for operators. */
export const diagnoseHandlers: Handlers<"diagnose.login"> = {
  "diagnose.login": diagnoseLogin,
};
