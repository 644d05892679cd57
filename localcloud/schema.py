"""Tables of the control plane: one row per resource, JSON where Cloudflare's shape is open."""

from __future__ import annotations

CONTROL_PLANE = (
    """CREATE TABLE IF NOT EXISTS d1_databases (
        uuid TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL,
        read_replication TEXT NOT NULL, primary_location_hint TEXT, jurisdiction TEXT)""",
    """CREATE TABLE IF NOT EXISTS kv_namespaces (
        id TEXT PRIMARY KEY, title TEXT NOT NULL UNIQUE)""",
    """CREATE TABLE IF NOT EXISTS queues (
        queue_id TEXT PRIMARY KEY, queue_name TEXT NOT NULL UNIQUE,
        created_on TEXT NOT NULL, modified_on TEXT NOT NULL,
        delivery_delay INTEGER NOT NULL, delivery_paused INTEGER NOT NULL,
        message_retention_period INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS queue_consumers (
        consumer_id TEXT PRIMARY KEY, queue_id TEXT NOT NULL UNIQUE REFERENCES queues,
        script_name TEXT NOT NULL, dead_letter_queue TEXT, created_on TEXT NOT NULL,
        settings TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS workers (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        created_on TEXT NOT NULL, updated_on TEXT NOT NULL, deployed_on TEXT,
        logpush INTEGER NOT NULL, observability TEXT NOT NULL, tags TEXT NOT NULL,
        tail_consumers TEXT NOT NULL, subdomain TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS versions (
        id TEXT PRIMARY KEY, worker_id TEXT NOT NULL REFERENCES workers ON DELETE CASCADE,
        number INTEGER NOT NULL, created_on TEXT NOT NULL, bundle TEXT NOT NULL,
        document TEXT NOT NULL, secrets TEXT NOT NULL, UNIQUE (worker_id, number))""",
    """CREATE TABLE IF NOT EXISTS deployments (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        worker_id TEXT NOT NULL REFERENCES workers ON DELETE CASCADE, created_on TEXT NOT NULL,
        strategy TEXT NOT NULL, versions TEXT NOT NULL, annotations TEXT)""",
    """CREATE TABLE IF NOT EXISTS schedules (
        worker_id TEXT NOT NULL REFERENCES workers ON DELETE CASCADE, cron TEXT NOT NULL,
        position INTEGER NOT NULL, created_on TEXT NOT NULL, modified_on TEXT NOT NULL,
        since_ms INTEGER NOT NULL, PRIMARY KEY (worker_id, cron))""",
    """CREATE TABLE IF NOT EXISTS cron_firings (
        script TEXT NOT NULL, cron TEXT NOT NULL, scheduled_ms INTEGER NOT NULL,
        fired_ms INTEGER NOT NULL, outcome TEXT, error TEXT,
        PRIMARY KEY (script, cron, scheduled_ms))""",
    """CREATE TABLE IF NOT EXISTS account_tokens (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, policies TEXT NOT NULL, condition TEXT,
        expires_on TEXT, not_before TEXT, status TEXT NOT NULL, issued_on TEXT NOT NULL,
        modified_on TEXT NOT NULL, last_used_on TEXT, value_sha256 TEXT NOT NULL UNIQUE)""",
    """CREATE TABLE IF NOT EXISTS zones (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_on TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS worker_domains (
        id TEXT PRIMARY KEY, hostname TEXT NOT NULL UNIQUE, service TEXT NOT NULL,
        zone_id TEXT NOT NULL REFERENCES zones,
        environment TEXT NOT NULL, cert_id TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS worker_routes (
        id TEXT PRIMARY KEY, zone_id TEXT NOT NULL REFERENCES zones, pattern TEXT NOT NULL UNIQUE,
        script TEXT)""",
    """CREATE TABLE IF NOT EXISTS r2_buckets (
        name TEXT PRIMARY KEY, created_on TEXT NOT NULL, storage_class TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS r2_objects (
        bucket TEXT NOT NULL REFERENCES r2_buckets, key TEXT NOT NULL, sha256 TEXT NOT NULL,
        etag TEXT NOT NULL, size INTEGER NOT NULL, uploaded TEXT NOT NULL, version TEXT NOT NULL,
        PRIMARY KEY (bucket, key))""",
    """CREATE TABLE IF NOT EXISTS assets (
        hash TEXT PRIMARY KEY, content_type TEXT, size INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS asset_sessions (
        id TEXT PRIMARY KEY, script TEXT NOT NULL, manifest TEXT NOT NULL,
        expires_ms INTEGER NOT NULL)""",
)
