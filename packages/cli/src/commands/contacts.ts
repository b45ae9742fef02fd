import { defineCommands, type Positional } from "../command.ts";
import { sendAndTell } from "../contacts/send-and-tell.ts";

const contact = [{ name: "name", label: "contact" }] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["contacts", "list"],
    route: "contacts.list",
    empty: "nobody is told of alerts. Next: tenantctl contacts set NAME --role on_call --webhook-url URL",
    columns: [
      { key: "name", flex: true },
      { key: "role" },
      { key: "minimumSeverity", title: "from", as: "severity" },
      { key: "channels", title: "webhooks", as: "channels", flex: true },
      { key: "phone", drop: 1 },
      { key: "email", flex: true, drop: 2 },
    ],
    examples: ["contacts list", "contacts list -o json"],
  },
  {
    path: ["contacts", "set"],
    route: "contacts.set",
    positional: contact,
    aliases: { webhookUrls: "webhook-url" },
    shown: ["name", "role", "minimumSeverity", "phone", "email", "signingSecret", "previousSecretUntil", "channels"],
    cells: [{ key: "signingSecret", none: "not shown again" }],
    done: ({ name, channels, signingSecret }) =>
      typeof signingSecret === "string"
        ? "give the signing secret to the receiver: it is not shown again."
        : Array.isArray(channels) && channels.length > 0
          ? `try it: tenantctl contacts test '${name}'`
          : `${name} has no webhook: it is shown to people, and told nothing.`,
    examples: [
      "contacts set on-call --role on_call --phone '+49 30 1234567' --webhook-url https://hooks.example.com/alerts",
      "contacts set manager --role escalation --email boss@example.com --minimum-severity critical",
      "contacts set on-call --rotate-secret",
      "contacts set on-call --signing-secret-stdin < secret.txt",
    ],
  },
  {
    path: ["contacts", "remove"],
    route: "contacts.remove",
    positional: contact,
    confirm: { question: "Remove the contact %s? It is told nothing more.", reversible: false },
    done: ({ name }) => `removed ${name}.`,
    examples: ["contacts remove on-call", "contacts remove on-call --yes"],
  },
  {
    path: ["contacts", "test"],
    route: "contacts.test",
    positional: contact,
    description: "One try to each of its webhooks, at once. Exit 9 when one of them did not take it.",
    run: sendAndTell("contacts.test"),
    examples: ["contacts test on-call", "contacts test on-call || echo 'alerts do not arrive'"],
  },
]);
