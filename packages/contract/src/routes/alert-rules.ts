import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { AlertMetricInfo, AlertRule, AlertRulePatch, AlertRuleTest, RuleName, Threshold } from "../schemas/alert.ts";
import { Closed } from "../schemas/values.ts";

const tag = "alerts";
const params = Closed({ name: RuleName });
const example = { params: { name: "error_rate" } };

export const alertRuleRoutes = {
  "alertRules.list": route({
    method: "GET",
    path: "/api/admin/alert-rules",
    tag,
    summary: "List the rules that alerts come from, and how each stands",
    access: operatorAccess("alerts:read"),
    responses: { 200: Type.Array(AlertRule) },
    example: {},
  }),
  "alertRules.get": route({
    method: "GET",
    path: "/api/admin/alert-rules/:name",
    tag,
    summary: "Show a rule",
    access: operatorAccess("alerts:read"),
    params,
    responses: { 200: AlertRule },
    errors: ["not_found"],
    example,
  }),
  "alertRules.set": route({
    method: "PUT",
    path: "/api/admin/alert-rules/:name",
    tag,
    summary: "Change a rule, or make one",
    description: "What is left out stays as it is. A new name makes a new rule and needs `metric` and `threshold`.",
    access: operatorAccess("alerts:write"),
    params,
    body: AlertRulePatch,
    responses: { 200: AlertRule, 201: AlertRule },
    audit: { action: "set_rule", resourceType: "alert_rule" },
    example: { ...example, body: { threshold: 2, forSeconds: 300 } },
  }),
  "alertRules.reset": route({
    method: "DELETE",
    path: "/api/admin/alert-rules/:name",
    tag,
    summary: "Set a rule back to what was shipped; remove one of your own",
    description: "The alerts of a rule that is removed are resolved at the next evaluation.",
    access: operatorAccess("alerts:write"),
    params,
    responses: { 200: AlertRule },
    errors: ["not_found"],
    audit: { action: "reset_rule", resourceType: "alert_rule" },
    example,
  }),
  "alertRules.test": route({
    method: "GET",
    path: "/api/admin/alert-rules/:name/test",
    tag,
    summary: "Evaluate a rule now, and open nothing",
    description: "With another threshold it says what that one would find.",
    access: operatorAccess("alerts:read"),
    params,
    query: Closed({ threshold: Type.Optional(Threshold("In place of the rule's own")) }),
    responses: { 200: AlertRuleTest },
    errors: ["not_found", "rule_broken"],
    example,
  }),
  "alertMetrics.list": route({
    method: "GET",
    path: "/api/admin/alert-metrics",
    tag,
    summary: "List what rules can watch",
    access: operatorAccess("alerts:read"),
    responses: { 200: Type.Array(AlertMetricInfo) },
    example: {},
  }),
};
