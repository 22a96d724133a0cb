"""Files of trained networks, and the network rebuilt from one."""
