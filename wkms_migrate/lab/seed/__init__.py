"""The believable WKMS that fills the lab's source."""

from __future__ import annotations
