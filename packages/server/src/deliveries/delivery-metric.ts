import { sql } from "@tenantctl/database";
import type { AlertMetric, Reading } from "../alerts/alert-metric.ts";

export const deliveryMetrics: Readonly<Record<string, AlertMetric>> = {
  delivery_failing: {
    unit: "minutes",
    about: "since the oldest message to each contact's channel that has not arrived, or was given up within a day",
    comparison: "atLeast",
    cost: "reads the messages that did not arrive, by an index",
    find: () => sql<Reading>`select d.contact || ':' || d.host as subject, null::uuid as "tenantId",
        greatest(extract(epoch from now() - min(d.started_at)) / 60, 0)::float8 as value,
        format('%s messages to %s at %s have not arrived', count(*), d.contact, d.host) as summary,
        jsonb_build_object('contact', d.contact, 'host', d.host, 'messages', count(*),
          'givenUp', count(*) filter (where d.status = 'failed'),
          'lastError', (array_agg(d.last_error order by d.created_at desc) filter (where d.last_error is not null))[1]) as evidence,
        format('tenantctl deliveries list --contact %L', d.contact) as next
      from app.deliveries d
      where d.event <> 'contact.test' and d.channel_id is not null
        and (d.status = 'pending' or (d.status = 'failed' and d.finished_at > now() - interval '1 day'))
      group by d.contact, d.host`,
  },
};
