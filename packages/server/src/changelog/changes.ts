/** How one kind of row of the audit log reads in the change log. */
export interface ChangeWords {
  /** `%t` is the tenant, `%r` what else it is about. */
  readonly says: string;
  /** Whether the fields that changed are told. */
  readonly fields?: true;
}

const changed = (says: string): ChangeWords => ({ says, fields: true });
const done = (says: string): ChangeWords => ({ says });

/** What counts as a change of the system or a tenant, by what it is about and what was done. All else is in the audit log only. */
export const changes: Readonly<Record<string, Readonly<Record<string, ChangeWords>>>> = {
  tenant: {
    create: done("Provisioned tenant %t"),
    update: changed("Changed tenant %t"),
    suspend: done("Suspended tenant %t"),
    reactivate: done("Reactivated tenant %t"),
    cancel: done("Cancelled tenant %t"),
    delete: done("Deleted tenant %t"),
    undelete: done("Undeleted tenant %t"),
    purge: done("Purged tenant %t"),
    restore: done("Restored tenant %t"),
    import: done("Imported tenant %t"),
    set_hold: done("Put tenant %t under a legal hold"),
    release_hold: done("Released tenant %t from its legal hold"),
  },
  quota: {
    set_quota: changed("Changed the quota of %r of tenant %t"),
    recount: changed("Mended the counters of tenant %t"),
  },
  plan: { set_plan: changed("Changed plan %r") },
  operator: {
    bootstrap: done("Made the first operator %r"),
    recover: done("Let operator %r in again, from the database"),
    create: done("Added operator %r"),
    disable: done("Disabled operator %r"),
    enable: done("Enabled operator %r"),
    reset_password: done("Reset the password of operator %r"),
  },
  token: { create: done("Made the operators' token %r"), revoke: done("Revoked the operators' token %r") },
  contact: { set: changed("Changed contact %r"), remove: done("Removed contact %r") },
  alert_rule: { set_rule: changed("Changed alert rule %r"), reset_rule: done("Reset alert rule %r") },
  alert: { silence: done("Silenced alerts"), unsilence: done("Ended a silence of alerts") },
  maintenance: { set: done("Began maintenance of %t"), end: done("Ended maintenance of %t") },
  incident: { open: done("Opened an incident"), close: done("Closed an incident") },
  operation: { cancel: done("Stopped an operation") },
  audit_log: { drop: done("Dropped old months of the audit log") },
  system: { restore: done("Restored the system") },
};
