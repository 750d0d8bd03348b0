"""`python -m wkms_migrate`."""

from wkms_migrate.cli import main

main()
