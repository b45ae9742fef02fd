import type { ResultOf, Routes } from "@tenantctl/contract";
import { defineCommands } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { prepareWidths } from "../output/text-width.ts";
import { runRoute } from "../run-route.ts";

type Metrics = ResultOf<Routes["metrics.get"]>;

/** On a terminal totals and lines over time; elsewhere the whole answer, every step of it. */
const show = async (invocation: Invocation): Promise<number> => {
  const { out, settings } = invocation;
  if (!out.forPeople || out.width === undefined) return runRoute(invocation);
  const { route, input } = await invocation.gathered();
  const { text } = await (await invocation.api()).text(route, input);
  const metrics: Metrics = JSON.parse(text);
  const [{ metricsText }, { isUtf8 }] = await Promise.all([
    import("../output/metrics-screen.ts"),
    import("../output/sparkline.ts"),
    prepareWidths(),
  ]);
  const { tenantId } = input.query;
  out.text(
    metricsText(metrics, {
      tenant: tenantId === undefined ? undefined : String(tenantId),
      paint: await out.paint("stdout"),
      width: out.width,
      utf8: isUtf8(settings.env),
    }),
  );
  return 0;
};

export const commands = defineCommands([
  {
    path: ["metrics"],
    route: "metrics.get",
    cells: [{ key: "bytes", as: "bytes" }],
    aliases: { stepMinutes: "step" },
    run: show,
    examples: [
      "metrics",
      "metrics acme --since 7d",
      "metrics acme --since 2h --step 5",
      "metrics acme --since 365d -o json",
    ],
  },
  {
    path: ["metrics", "top"],
    route: "metrics.top",
    columns: [
      { key: "slug", flex: true },
      { key: "share", as: "percent" },
      { key: "requests", as: "count" },
      { key: "errors", as: "count", drop: 1 },
      { key: "latencyP95Ms", title: "p95 ms", as: "count" },
      { key: "busySeconds", title: "busy s", as: "count", drop: 4 },
      { key: "bytesSent", title: "sent", as: "bytes", drop: 2 },
      { key: "rows", as: "count" },
      { key: "bytesStored", title: "held", as: "bytes", drop: 3 },
      { key: "rowsCountedAt", title: "rows counted", as: "time", drop: 5 },
    ],
    empty: "no tenants yet",
    examples: [
      "metrics top",
      "metrics top --by latency --since 1h",
      "metrics top --by rows --limit 20",
      "metrics top --by time -o csv",
    ],
  },
]);
