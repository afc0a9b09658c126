"""The first stage: what a person asked for, made safe and told apart. Knows addresses, the guard and bytes; knows no image."""
