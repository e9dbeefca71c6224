"""XMP: which way up a picture is, where EXIF does not say.

Nothing else is read of it, and it is not carried.
ISO 16684-1:2019; XMP Specification Part 2, section 3.4 (the tiff namespace).
"""

from __future__ import annotations

from xml.etree import ElementTree

_ORIENTATION = "{http://ns.adobe.com/tiff/1.0/}Orientation"


def orientation_of(packet: bytes | None) -> int | None:
    """What a packet says of the orientation, as EXIF counts; None where it says nothing.

    >>> orientation_of(b'<r xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>')
    6
    """
    try:
        # Files end packets with zeros.
        root = ElementTree.fromstring((packet or b"").strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    for element in root.iter():
        text = element.get(_ORIENTATION)
        if text is None and element.tag == _ORIENTATION:
            text = element.text
        if text is not None and text.strip().isdecimal():
            return int(text)
    return None
