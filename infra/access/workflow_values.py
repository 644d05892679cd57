"""Everything that the workflows read, by the name under which GitHub gives it to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.settings import Secrets, Settings, WorkflowSecrets

PREFIXES = {"production": "PROD", "staging": "STAGING", "development": "DEV"}
"""What the names of an environment's own secrets begin with."""


@dataclass(frozen=True)
class WorkflowValue:
    """A secret or a variable of the workflows. `PREFIX` in the name stands for the environment's.

    `source` is what it is made from: a resource, or the setting that an operator sets.
    `is_watching`: the nightly jobs, which no gate holds up, read it as well.
    """

    name: str
    meaning: str
    source: str
    required: bool = False
    is_secret: bool = True
    is_watching: bool = False


VALUES: tuple[WorkflowValue, ...] = (
    WorkflowValue("CLOUDFLARE_API_TOKEN", "deploys", "the newest CI token", required=True),
    WorkflowValue("CLOUDFLARE_ACCOUNT_ID", "account to deploy to", "`accountId`", required=True),
    WorkflowValue("PREFIX_DB_ID", "id of the database", "`adoptDatabaseId`"),
    WorkflowValue("PREFIX_KV_ID", "id of the namespace", "`adoptNamespaceId`"),
    WorkflowValue("PREFIX_API_SECRET", "signs the checks' calls", "`apiSecretKey`", required=True),
    WorkflowValue("PREFIX_ENCRYPT_KEY", "opens configurations", "`encryptKey`", required=True),
    WorkflowValue("PREFIX_GRAFANA_USERNAME", "Grafana's name", "`grafanaWebhookUsername`"),
    WorkflowValue("PREFIX_GRAFANA_PASSWORD", "Grafana's password", "`grafanaWebhookPassword`"),
    WorkflowValue("CLOUDFLARE_SUBDOMAIN", "workers.dev subdomain", "`workersDevSubdomain`"),
    WorkflowValue("LARK_WEBHOOK_URL", "target of integration tests", "`larkWebhookUrl`"),
    WorkflowValue("LARK_WEBHOOK_SECRET", "signs what goes there", "`larkWebhookSecret`"),
    WorkflowValue("LARK_DEPLOY_WEBHOOK", "announces deployments", "`larkDeployWebhook`"),
    WorkflowValue("LARK_DEPLOY_SECRET", "signs announcements", "`larkDeploySecret`"),
    WorkflowValue("SLACK_DEPLOY_WEBHOOK", "announces in Slack", "`slackDeployWebhook`"),
    WorkflowValue("DEPLOY_WEBHOOK", "announces as JSON", "`deployWebhook`"),
    *(
        WorkflowValue(name, meaning, source, is_watching=True)
        for name, meaning, source in (
            ("PULUMI_CONFIG_PASSPHRASE", "opens the state", "`pulumiConfigPassphrase`"),
            ("PULUMI_ACCESS_TOKEN", "logs in to Pulumi Cloud", "`pulumiAccessToken`"),
            ("AWS_ACCESS_KEY_ID", "S3 backend's key id", "`awsAccessKeyId`"),
            ("AWS_SECRET_ACCESS_KEY", "S3 backend's key", "`awsSecretAccessKey`"),
            ("NOTIFYCTL_BACKUP_PASSPHRASE", "encrypts backups", "`notifyctlBackupPassphrase`"),
        )
    ),
    *(
        WorkflowValue(name, meaning, source, required, is_secret=False, is_watching=True)
        for name, meaning, source, required in (
            ("PULUMI_BACKEND_URL", "state backend", "`pulumiBackendUrl`", False),
            ("BACKUP_BUCKET", "R2 bucket of the backups", "`backupBucket`", False),
            ("STACK", "stack to deploy", "`environment`", True),
        )
    ),
    WorkflowValue("SERVICE_URL", "service to verify", "its address", True, is_secret=False),
)
NIGHTLY_TOKEN = WorkflowValue(
    "CLOUDFLARE_API_TOKEN", "watches", "the newest watch token", True, is_watching=True
)

PLAN_TOKEN = WorkflowValue(
    "CLOUDFLARE_API_TOKEN", "plans, and reads alone", "the newest plan token", True
)
PLANNED = ("STACK",)
"""Variables that a plan in a pull request reads: no secret but its own token."""


@dataclass(frozen=True)
class Sources:
    """What the values are made from."""

    settings: Settings
    secrets: Secrets
    workflow_secrets: WorkflowSecrets
    service_url: str
    ci_token: pulumi.Input[str]


def workflow_values(sources: Sources) -> Mapping[WorkflowValue, pulumi.Input[str] | None]:
    """Each value with its content, secrets marked; None for an optional one that isn't set."""
    settings, secrets, extra = sources.settings, sources.secrets, sources.workflow_secrets
    known: dict[str, pulumi.Input[str] | None] = {
        "CLOUDFLARE_API_TOKEN": sources.ci_token,
        "CLOUDFLARE_ACCOUNT_ID": settings.account_id,
        "PREFIX_DB_ID": settings.adopt_database_id,
        "PREFIX_KV_ID": settings.adopt_namespace_id,
        "PREFIX_API_SECRET": secrets.api_secret_key.get_secret_value(),
        "PREFIX_ENCRYPT_KEY": secrets.encrypt_key.get_secret_value(),
        "CLOUDFLARE_SUBDOMAIN": settings.workers_dev_subdomain,
        "PULUMI_BACKEND_URL": settings.pulumi_backend_url,
        "STACK": settings.environment,
        "BACKUP_BUCKET": settings.backup_bucket,
        "SERVICE_URL": sources.service_url,
    }
    for name, secret in (
        ("PREFIX_GRAFANA_USERNAME", secrets.grafana_webhook_username),
        ("PREFIX_GRAFANA_PASSWORD", secrets.grafana_webhook_password),
        *((field.upper(), getattr(extra, field)) for field in type(extra).model_fields),
    ):
        known[name] = None if secret is None else secret.get_secret_value()
    return {value: _marked(value, known[value.name]) for value in VALUES}


def _marked(value: WorkflowValue, content: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
    if content is None or not value.is_secret:
        return content
    return pulumi.Output.secret(content)


def values_table() -> str:
    """Markdown: each secret and variable, its meaning and where it comes from."""
    lines = ["| name | kind | needed | meaning | made from |", "|---|---|---|---|---|"]
    for value in VALUES:
        names = [value.name]
        if value.name.startswith("PREFIX_"):
            names = [value.name.replace("PREFIX", prefix) for prefix in ("PROD", "DEV")]
        lines.append(
            f"| {', '.join(f'`{name}`' for name in names)} | "
            f"{'secret' if value.is_secret else 'variable'} | "
            f"{'always' if value.required else 'optional'} | {value.meaning} | {value.source} |"
        )
    return "\n".join([*lines, ""])
