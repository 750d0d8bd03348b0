"""The backend of the WKMS."""
