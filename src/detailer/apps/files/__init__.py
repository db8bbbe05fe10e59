"""Picture files: read with all that they hold, and written back whole or not at all."""

from detailer.apps.files.formats import SUFFIXES
from detailer.apps.files.photo import Limits, Metadata, Photo, Text
from detailer.apps.files.read import read, read_frames
from detailer.apps.files.record import read_record
from detailer.apps.files.write import Write, check_target, same_file, write, write_untouched

__all__ = [
    "SUFFIXES",
    "Limits",
    "Metadata",
    "Photo",
    "Text",
    "Write",
    "check_target",
    "read",
    "read_frames",
    "read_record",
    "same_file",
    "write",
    "write_untouched",
]
