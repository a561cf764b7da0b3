"""Pictures of a release as SVG: they need no network, no script and no font of their own."""
