"""Record: what was done to a picture, in its own file."""

from __future__ import annotations

from dataclasses import replace

from detailer.apps.files import xmp
from detailer.apps.files.photo import Metadata, Photo, Text
from detailer.apps.files.png import RECORD


def read_record(photo: Photo) -> str | None:
    """The record that `write` put into the photo's file, as JSON; None if there is none."""
    return photo.metadata.text(RECORD) or xmp.record_in(photo.metadata.xmp)


def recorded(metadata: Metadata, record: str | None, target: str) -> Metadata:
    """The metadata with this record instead of an older one: a text in PNG, else in XMP."""
    texts = tuple(text for text in metadata.texts if text.keyword != RECORD)
    if target == "PNG":
        more = () if record is None else (Text(RECORD, record),)
        return replace(metadata, texts=texts + more, xmp=xmp.with_record(metadata.xmp, None))
    return replace(metadata, texts=texts, xmp=xmp.with_record(metadata.xmp, record))
