"""How the service is doing: status, drift, diagnosis, reports, logs."""
