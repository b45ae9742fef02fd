/** "Backup All Tenants" of the operators' first guide, word for word but for the token and the address. */
export const guideScript = (token: string, url: string): string => `#!/bin/bash
# backup-all-tenants.sh

TOKEN="${token}"
BACKUP_DIR="./backups/$(date +%Y%m%d)"

mkdir -p "$BACKUP_DIR"

# Get all tenants
TENANTS=$(curl -s -H "Authorization: Bearer $TOKEN" \\
  ${url}/api/admin/tenants | jq -r '.[].id')

for tenant_id in $TENANTS; do
  echo "Backing up tenant $tenant_id..."
  curl -s -H "Authorization: Bearer $TOKEN" \\
    "${url}/api/tenants/export?tenantId=$tenant_id" \\
    -o "$BACKUP_DIR/tenant-$tenant_id.json"
done

echo "Backup complete: $BACKUP_DIR"
`;
