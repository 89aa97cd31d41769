"""The version of the package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("inboxops")
except PackageNotFoundError:  # The sources, without being installed.
    VERSION = "0"
