"""The stand-in's settings."""

SETTINGS = {"sync": True, "hub": True, "vscode_msg": True, "weights_dir": "weights", "wandb": False}
