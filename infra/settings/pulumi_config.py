"""Reading the settings inside the Pulumi program."""

from pulumi.runtime.config import CONFIG, is_config_secret

from infra.settings.check import CheckedConfig, RawConfig


def read_pulumi_config(*, project: str, stack: str) -> CheckedConfig:
    """Read all config that Pulumi gave to the program, so that unknown keys are seen as well."""
    prefix = f"{project}:"
    full = CONFIG.get()
    return CheckedConfig(
        RawConfig(
            source=f"The configuration of the stack {stack}",
            stack=stack,
            values={key.removeprefix(prefix): value for key, value in full.items()},
            secret_keys=frozenset(k.removeprefix(prefix) for k in full if is_config_secret(k)),
        )
    )
