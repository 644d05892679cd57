"""The program's component resources, one group of resources each."""

from infra.components.addresses import Addresses, AddressesArgs
from infra.components.service import Service, ServiceArgs
from infra.components.stores import Stores, StoresArgs
from infra.components.traffic import Traffic, TrafficArgs

__all__ = [
    "Addresses",
    "AddressesArgs",
    "Service",
    "ServiceArgs",
    "Stores",
    "StoresArgs",
    "Traffic",
    "TrafficArgs",
]
