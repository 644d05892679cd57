"""Figures of the Workers, asked for in GraphQL as at Cloudflare."""
