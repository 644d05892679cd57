"""Secrets that only the workflows read: they become GitHub Actions secrets, never bindings."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from infra.settings import values as v


def _clean(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError("empty, or with a stray space, a newline or a control character")
    return value


WorkflowSecret = Annotated[
    SecretStr,
    AfterValidator(_clean),
    v.Rule("printable characters without a space or newline at its ends.", "(set as a secret)"),
]


class WorkflowSecrets(BaseModel):
    """Secrets of the workflows; each is the GitHub secret of its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    pulumi_config_passphrase: WorkflowSecret | None = Field(
        None, description="opens the stack's secrets where no other secrets provider does"
    )
    pulumi_access_token: WorkflowSecret | None = Field(
        None, description="logs in to Pulumi Cloud, where the state is kept there"
    )
    aws_access_key_id: WorkflowSecret | None = Field(
        None, description="key id of a state backend that speaks S3, such as R2"
    )
    aws_secret_access_key: WorkflowSecret | None = Field(
        None, description="secret key of that state backend"
    )
    lark_webhook_url: WorkflowSecret | None = Field(
        None, description="where the integration tests after a deployment send to"
    )
    lark_webhook_secret: WorkflowSecret | None = Field(
        None, description="signs what the integration tests send there"
    )
    lark_deploy_webhook: WorkflowSecret | None = Field(
        None, description="Lark group where a deployment's start and end are announced"
    )
    lark_deploy_secret: WorkflowSecret | None = Field(
        None, description="signs the announcements to that group"
    )
    slack_deploy_webhook: WorkflowSecret | None = Field(
        None, description="Slack channel where deployments are announced"
    )
    deploy_webhook: WorkflowSecret | None = Field(
        None, description="any other address where deployments are announced, as JSON"
    )
    notifyctl_backup_passphrase: WorkflowSecret | None = Field(
        None, description="encrypts the backups that leave the account's database"
    )
