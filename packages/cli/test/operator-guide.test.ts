import { describeGuide } from "./fixture/describe-guide.ts";

describeGuide(
  "docs/operator-guide.md",
  {
    "Set up": [/^ALL WELL\n/, /^$/],
    "Tenants / Provision a tenant": [/slug\s+acme/, /"slug":"globex"/],
    "Tenants / Provision many tenants": [
      /would provision 2 tenants[\s\S]*provisioned 2 tenants[\s\S]*provisioned 0 tenants, 2 were there already[\s\S]*pied-piper-inc richard@piper\.example 20/,
      /^reset_\S+\n$/,
    ],
    "Tenants / List and show": [/globex[\s\S]*acme[\s\S]*quotas/, /acme/],
    "Tenants / Suspend, reactivate, cancel": [/suspended[\s\S]*active/, /"status":"suspended"[\s\S]*"status":"active"/],
    "Tenants / Change the plan": [/basic[\s\S]*enterprise/, /"plan":"basic"/],
    "Tenants / Export": [/"users": 1/, /^$/],
    "Tenants / Delete, undelete": [
      /deleted[\s\S]*active/,
      /status\s+purged/,
      /"status":"deleted"[\s\S]*"changed":true/,
    ],
    "Tenants / Prove what was deleted": [/^([0-9a-f]{64})\n\1 /m],
    "Tenants / Legal holds": [/acme\s+case 2026-11/, /"reason":"case 2026-11"/],
    Users: [/uma@acme\.example/, /^$/],
    "Users / Reset a password": [/secret/, /"sessionsEnded":\d+/],
    "Users / Operators": [/second@example\.com/],
    "Watching / Health": [/"status":"ok"[\s\S]*(ALL WELL|NEEDS? A PERSON)/],
    "Watching / Quotas": [/customers[\s\S]*"resource":"customers"/],
    "Watching / Alerts": [/\[/],
    "Watching / Metrics": [/"tenantId":/],
    "Watching / Audit log": [/login[\s\S]*"action":"create"[\s\S]*"resourceType":"user"/],
    Checklists: [/Check system health[\s\S]*Update documentation[\s\S]*Review security logs/, /disk ordered/],
    "Trouble / A tenant cannot log in": [/could log in to acme/, /status\s+active[\s\S]*ada@acme\.example/],
    "Trouble / Does one tenant see another's data?": [/\n1\n0\n$/, /lints, no finding/, /acme/],
    "Trouble / A quota is reached": [/Quota of customers/, /5000[\s\S]*override/],
    "Scripts / Back up all tenants": [/backed up \d+ tenants[\s\S]*complete[\s\S]*whole, every part/],
    "Emergencies / System down": [/live: 200/],
    "Emergencies / Data breach suspected": [/1 tenant suspended/, /reactivate|active/],
    "Emergencies / Data loss": [/acme: in maintenance[\s\S]*acme: in maintenance no more/],
    "Emergencies / Maintenance": [
      /the whole system[\s\S]*moving to a larger disk/,
      /"mode":"full"[\s\S]*"changed":true/,
    ],
    "Change log": [/Initial operator guide[\s\S]*\| 2025-12-01 \| Initial operator guide \|/],
    "Scripts / Names, statuses and plans": [/Acme Corp - active - pro/],
  },
  {
    // Commands that look for problems have done their work when they found one.
    mayFindProblems: ["Checklists", "Watching / Health"],
  },
);
