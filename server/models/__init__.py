"""The networks and what turns their numbers into probabilities; shared by serving and training."""
