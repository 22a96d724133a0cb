"""Files of trained networks, and the network made again from one."""
