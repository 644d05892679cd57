"""How Pulumi is driven: stacks, settings files, engines, accounts."""
