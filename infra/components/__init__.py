"""The program's component resources, one group of resources each."""

from infra.components.addresses import Addresses, AddressesArgs
from infra.components.deployment import Deployment, DeploymentArgs
from infra.components.queues import Queues, QueuesArgs
from infra.components.service import Service, ServiceArgs
from infra.components.stores import Stores, StoresArgs
from infra.components.triggers import Triggers, TriggersArgs

__all__ = [
    "Addresses",
    "AddressesArgs",
    "Deployment",
    "DeploymentArgs",
    "Queues",
    "QueuesArgs",
    "Service",
    "ServiceArgs",
    "Stores",
    "StoresArgs",
    "Triggers",
    "TriggersArgs",
]
