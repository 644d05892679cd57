"""The local stack's own settings file, passphrase and secrets, all kept under ``.local``."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engine import encrypt_config_value, new_encryption_salt
from infra.names import Names, StackNameError
from infra.release import COMMIT_VARIABLE
from infra.settings.account import BASE_URL_KEYS
from infra.settings.values import is_loopback
from localcloud.atomic_write import write_whole
from localcloud.endpoints import Ports
from localcloud.home import CloudHome
from ops.stacks.context import StackContext, read_stack_file
from ops.stacks.errors import UsageError
from ops.stacks.project import Project

NAMESPACE = "notification-system"
SECRET_KEYS = ("apiSecretKey", "encryptKey")
OPTIONAL_SECRET_KEYS = (
    "adminApiKey",
    "bridgeToken",
    "metricsToken",
    "grafanaWebhookUsername",
    "grafanaWebhookPassword",
)
"""Secrets that a stack may do without; the local one has them, so that every route can be tried."""
PREVIOUS_KEYS = tuple(f"{name}Previous" for name in SECRET_KEYS)
_OWN = (*BASE_URL_KEYS, f"{NAMESPACE}:serviceUrl")
"""Settings that follow from this machine's ports."""
STRIPPED_PREFIXES = ("CLOUDFLARE_", "CF_", "GITHUB_", "GH_", "PULUMI_ACCESS", "AWS_")
"""Environment variables that may hold a real account's credentials: no local command sees them."""


@dataclass(frozen=True)
class LocalStack:
    """Everything an engine needs to run a loopback stack.

    Attributes:
        stack: its name.
        backend_dir: the file backend.
        config_file: the rendered settings file, with the stack's secrets encrypted.
        passphrase: what encrypts them and the state.
        environment: variables for the program and the providers: no real credential among them.
    """

    stack: str
    backend_dir: Path
    config_file: Path
    passphrase: str = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    @property
    def key_file(self) -> Path:
        """As `kept_key_file`."""
        return kept_key_file(self.config_file)

    @property
    def state_file(self) -> Path:
        """Where the file backend keeps the state."""
        return self.backend_dir / ".pulumi" / "stacks" / NAMESPACE / f"{self.stack}.json"

    @classmethod
    def prepare(cls, context: StackContext) -> LocalStack:
        """Render the stack's settings; secrets are made on the first call and kept afterwards.

        The file is read again: a command may have changed it since it began.

        Raises:
            UsageError: the tracked file names an endpoint off this machine.
        """
        project, stack = context.project, context.stack
        template = read_stack_file(context.file.path)
        ports = project.ports
        config = dict(template.config)
        for key in BASE_URL_KEYS:
            value = config.get(key)
            if isinstance(value, str) and not is_loopback(value):
                raise UsageError(
                    f"{template.path.name}: {key} is '{value}', which isn't on this machine. "
                    "A local stack talks to loopback addresses only, such as "
                    f"http://127.0.0.1:{ports.control}."
                )
        config[BASE_URL_KEYS[0]] = f"http://127.0.0.1:{ports.control}/client/v4"
        config[BASE_URL_KEYS[1]] = f"http://127.0.0.1:{ports.control}/"
        config[f"{NAMESPACE}:serviceUrl"] = _service_url(stack, ports)

        passphrase, is_new = _passphrase(project.passphrase_file)
        config_file = rendered_file(project, stack)
        kept: Mapping[str, Any] = {}
        rendered = config
        if config_file.is_file() and not is_new:
            kept = _kept(config_file)
            config = _with_edits(config, kept.get("config") or {}, _last_rendered(config_file))
        text = yaml.safe_dump(_with_secrets(config, kept, passphrase), sort_keys=True)
        if not config_file.is_file() or config_file.read_text(encoding="utf-8") != text:
            config_file.parent.mkdir(parents=True, exist_ok=True)
            if kept:
                write_whole(_good_copy(config_file), config_file.read_text(encoding="utf-8"))
            write_whole(config_file, text)
        _remember(config_file, rendered)
        return cls(
            stack=stack,
            backend_dir=project.backend_dir,
            config_file=config_file,
            passphrase=passphrase,
            environment=_environment(context),
        )


def _kept(rendered: Path) -> Mapping[str, Any]:
    """Return what the rendered file holds: the salt and the secrets can't be made anew.

    Raises:
        UsageError: it is damaged; with the good copy of before, where there is one.
    """
    try:
        content = read_stack_file(rendered).content
        if isinstance(content.get("encryptionsalt"), str):
            return content
        reason = "it has no encryptionsalt"
    except UsageError as error:
        reason = str(error)
    copy = _good_copy(rendered)
    way = (
        f"Restore the earlier copy: cp '{copy}' '{rendered}'"
        if copy.is_file()
        else "There is no copy of it. 'notifyctl destroy --stack local --erase' starts over, and "
        "removes the local data"
    )
    raise UsageError(f"The rendered settings {rendered} are damaged: {reason}. {way}")


def _good_copy(rendered: Path) -> Path:
    return rendered.with_suffix(".yaml.bak")


def _rendering(rendered: Path) -> Path:
    return rendered.with_suffix(".rendered.json")


def _last_rendered(rendered: Path) -> Mapping[str, Any] | None:
    """Return the settings as the tracked file gave them last; None where that isn't known."""
    try:
        found = json.loads(_rendering(rendered).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _remember(rendered: Path, config: Mapping[str, Any]) -> None:
    """Keep what the tracked file gives: the next rendering tells edits by it."""
    text = json.dumps(dict(config), sort_keys=True, default=str)
    file = _rendering(rendered)
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        write_whole(file, text)


def _with_edits(
    config: dict[str, Any], kept: Mapping[str, Any], before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the settings with what somebody has changed in the rendered file.

    ``pulumi config set`` writes there. A setting that the tracked file has changed since is taken
    from there; secrets, and the addresses of this machine, are no subject.

    Args:
        config: what the tracked file gives now.
        kept: what the rendered file has.
        before: what the tracked file gave at the last rendering; None where that isn't known.
    """
    result = dict(config)
    for key in {*kept, *before} if before is not None else ():
        values = kept.get(key), (before or {}).get(key)
        if key in _OWN or any(map(_is_secret, values)) or _same(*values):
            continue
        if not _same(config.get(key), values[1]):
            continue
        if key in kept:
            result[key] = kept[key]
        else:
            result.pop(key, None)
    return result


def _same(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(
        other, sort_keys=True, default=str
    )


def _is_secret(value: object) -> bool:
    return isinstance(value, Mapping) and "secure" in value


def rendered_file(project: Project, stack: str) -> Path:
    """Return where a local stack's settings lie once they are rendered, secrets included."""
    return project.home / "stack" / f"Pulumi.{stack}.yaml"


def kept_key_file(rendered: Path) -> Path:
    """Return the file of the key that is derived from the passphrase.

    The passphrase itself lies near those settings, in clear and as private.
    """
    return rendered.with_suffix(".key")


def remove_rendered(project: Project, stack: str) -> None:
    """Remove a local stack's rendered settings, with all that was kept beside them."""
    rendered = rendered_file(project, stack)
    for file in (rendered, kept_key_file(rendered), _good_copy(rendered), _rendering(rendered)):
        file.unlink(missing_ok=True)


def is_credential(name: str) -> bool:
    """Say whether an environment variable may hold a real account's credential."""
    return name.upper().startswith(STRIPPED_PREFIXES)


def _service_url(stack: str, ports: Ports) -> str:
    """Return where the edge answers for a stack: the plain address is the stack ``local``'s."""
    if stack == "local":
        return f"http://127.0.0.1:{ports.edge}"
    try:
        worker = Names.of_stack(stack).worker
    except StackNameError as error:
        raise UsageError(str(error)) from None
    return f"http://{worker}.localhost:{ports.edge}"


def _with_secrets(
    config: Mapping[str, Any], kept: Mapping[str, Any], passphrase: str
) -> dict[str, Any]:
    """Return the document with its salt and secrets: ``config``'s own, else those of ``kept``."""
    kept_config = kept.get("config") or {}
    salt = kept.get("encryptionsalt")
    document: dict[str, Any] = {"config": dict(config)}
    if not isinstance(salt, str):
        salt = new_encryption_salt(passphrase)
        kept_config = {}
    document["encryptionsalt"] = salt
    for name in (*SECRET_KEYS, *OPTIONAL_SECRET_KEYS):
        key = f"{NAMESPACE}:{name}"
        value = config.get(key, kept_config.get(key))
        if not (isinstance(value, dict) and "secure" in value):
            secret = new_secret(name)
            value = {"secure": encrypt_config_value(secret, passphrase=passphrase, salt=salt)}
        document["config"][key] = value
    for name in PREVIOUS_KEYS:  # There while a rotation is under way, and never made.
        key = f"{NAMESPACE}:{name}"
        if key in kept_config:
            document["config"].setdefault(key, kept_config[key])
    return document


def new_secret(name: str) -> str:
    """Return a random secret in the form that the setting ``name`` requires."""
    if not name.startswith("encryptKey"):
        return secrets.token_hex(32)
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(32))


def _passphrase(path: Path) -> tuple[str, bool]:
    """Return the passphrase and whether it was made just now."""
    if path.is_file() and (text := path.read_text(encoding="utf-8").strip()):
        return text, False
    text = secrets.token_urlsafe(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text + "\n")
    return text, True


def _environment(context: StackContext) -> dict[str, str]:
    cloud = CloudHome(context.project.home)
    found = {**context.environment, COMMIT_VARIABLE: context.commit}
    environment = {name: value for name, value in found.items() if not is_credential(name)}
    if cloud.token_file.is_file():
        token = cloud.token_file.read_text(encoding="utf-8").strip()
        environment |= {"CLOUDFLARE_API_TOKEN": token, "GITHUB_TOKEN": token}
    return environment
