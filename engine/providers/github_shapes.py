"""How the real GitHub provider sends its resources and what it makes of the answers."""

from __future__ import annotations

from typing import Any

from engine.providers.resource_type import Properties

_TIMES = ("createdAt", "updatedAt", "remoteUpdatedAt")


def go_time(moment: Any) -> Any:
    """``2026-11-21T22:02:08Z`` as Go prints it, which is what the provider keeps."""
    if isinstance(moment, str) and moment.endswith("Z"):
        return f"{moment[:-1].replace('T', ' ')} +0000 UTC"
    return moment


def identified(*names: str) -> Any:
    """A shape that makes the id of these properties, as the provider's ``buildID`` does."""

    def shape(_: Properties, outputs: Properties) -> Properties:
        shaped = {key: go_time(outputs[key]) for key in _TIMES if key in outputs}
        parts = [str(outputs[name]).replace(":", "??") for name in names]
        return {**outputs, **shaped, "id": ":".join(parts)}

    return shape


def environment_defaults(inputs: Properties) -> Properties:
    """Inputs with the schema's defaults."""
    return {
        **inputs,
        "canAdminsBypass": inputs.get("canAdminsBypass", True),
        "preventSelfReview": inputs.get("preventSelfReview", False),
    }


def environment_body(inputs: Properties) -> Properties:
    """The whole request: what is left out would be reset by GitHub, and so it says so."""
    groups = (inputs.get("reviewers") or [{}])[0] or {}
    reviewers = [{"type": "Team", "id": number} for number in groups.get("teams") or ()]
    reviewers += [{"type": "User", "id": number} for number in groups.get("users") or ()]
    return {
        "wait_timer": inputs.get("waitTimer", 0),
        "reviewers": reviewers or None,
        "can_admins_bypass": inputs["canAdminsBypass"],
        "deployment_branch_policy": inputs.get("deploymentBranchPolicy"),
        "prevent_self_review": inputs["preventSelfReview"],
    }


def environment_shape(known: Properties, outputs: Properties) -> Properties:
    """Outputs with their id; after a read, the rules as they are now.

    Reviewers and the ban on self-review change only where a rule for them is there: a rule that was
    taken away altogether goes unseen, as in the real provider.
    """
    shaped: Properties = identified("repository", "environment")(known, outputs)
    answer = known.get("__answer")
    if answer is None:
        return shaped
    shaped.pop("waitTimer", None)
    for rule in answer.get("protectionRules") or []:
        if rule["type"] == "wait_timer":
            shaped["waitTimer"] = rule["waitTimer"]
        elif rule["type"] == "required_reviewers":
            shaped["reviewers"] = [_reviewers(rule)]
            shaped["preventSelfReview"] = rule.get("preventSelfReview", False)
    shaped.pop("deploymentBranchPolicy", None)
    if answer.get("deploymentBranchPolicy") is not None:
        shaped["deploymentBranchPolicy"] = answer["deploymentBranchPolicy"]
    return shaped


def _reviewers(rule: dict[str, Any]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"Team": [], "User": []}
    for entry in rule.get("reviewers") or []:
        found[entry["type"]].append(int(entry["reviewer"]["id"]))
    return {"teams": found["Team"], "users": found["User"]}


def policy_body(inputs: Properties) -> Properties:
    """The request: a pattern for branches or one for tags."""
    if inputs.get("branchPattern"):
        return {"name": inputs["branchPattern"], "type": "branch"}
    return {"name": inputs["tagPattern"], "type": "tag"}


def policy_shape(known: Properties, outputs: Properties) -> Properties:
    """Outputs with their id; after a read, the pattern as it is now."""
    shaped: Properties = identified("repository", "environment", "policyId")(known, outputs)
    answer = known.get("__answer") or {}
    if "name" in answer:
        shaped["branchPattern" if answer.get("type") == "branch" else "tagPattern"] = answer["name"]
    return shaped


def secret_shape(*names: str) -> Any:
    """Outputs with their id; after a read, when GitHub says that the secret was last written.

    A value is never answered. A secret that somebody else has written shows by the two times.
    """
    identify = identified(*names)

    def shape(known: Properties, outputs: Properties) -> Properties:
        answer = known.get("__answer") or {}
        moved = {"remoteUpdatedAt": answer["updatedAt"]} if "updatedAt" in answer else {}
        shaped: Properties = identify(known, {**outputs, **moved})
        return shaped

    return shape


def secret_drift(outputs: Properties) -> tuple[str, ...]:
    """The key that shows a secret written by somebody else."""
    remote = outputs.get("remoteUpdatedAt")
    return ("updatedAt",) if remote and remote != outputs.get("updatedAt") else ()
