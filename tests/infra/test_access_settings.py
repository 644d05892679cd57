"""Settings of the component `access`: two gates, generations of the CI token, workflow secrets."""

import pytest
from pydantic import SecretStr

from infra.settings.check import CheckedConfig, RawConfig
from tests.infra.stack_inputs import CONFIG, checked_config

ACCESS = {"manageAccess": "true", "githubOwner": "team", "githubRepository": "notifications"}


def mistaken(stack: str = "production", **changes: str) -> set[str]:
    """The keys that have a mistake."""
    return {problem.key for problem in checked_config(stack, **changes).mistakes()}


@pytest.mark.requirement("S4-32")
def test_production_has_somebody_at_each_of_its_two_gates() -> None:
    assert mistaken(**ACCESS) == {"productionReviewers", "productionApprovers"}
    assert mistaken(**ACCESS, productionReviewers='["ada"]') == {"productionApprovers"}
    both = {"productionReviewers": '["ada"]', "productionApprovers": '["grace"]'}
    assert mistaken(**ACCESS, **both) == set()
    assert mistaken("staging", environment="staging", **ACCESS) == set()


@pytest.mark.parametrize("wrong", ["[]", "[0]", "[2, 1]", "[1, 1]", "[1, 2, 3]", "1"])
def test_ci_tokens_are_one_or_two_generations(wrong: str) -> None:
    assert mistaken(ciTokenGenerations=wrong) == {"ciTokenGenerations"}
    assert mistaken(ciTokenGenerations="[1, 2]") == set()


@pytest.mark.parametrize("wrong", ["s3://key:secret@bucket", "file:///tmp/state", "bucket"])
def test_the_state_backend_is_one_that_workflows_reach_and_has_no_credentials(wrong: str) -> None:
    assert mistaken(pulumiBackendUrl=wrong) == {"pulumiBackendUrl"}
    assert mistaken(pulumiBackendUrl="s3://state?endpoint=a.example&region=auto") == set()


@pytest.mark.requirement("S0-31")
def test_a_workflows_secret_is_clean_and_goes_to_no_binding() -> None:
    key = "pulumiConfigPassphrase"

    def checked(value: str) -> CheckedConfig:
        values = {**CONFIG, key: value}
        secret = frozenset({"apiSecretKey", "encryptKey", key})
        return CheckedConfig(RawConfig("the test's configuration", "production", values, secret))

    assert [problem.key for problem in checked("horse\n").mistakes()] == [key]
    config = checked("correct horse")
    assert config.workflow_secrets().pulumi_config_passphrase == SecretStr("correct horse")
    assert key not in config.secrets().model_dump(by_alias=True)
