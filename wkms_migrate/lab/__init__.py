"""The embedded clouds: real servers and emulators on loopback, started, filled and ended by `wkms-migrate lab`."""
