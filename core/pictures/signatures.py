"""What a file is that is no picture a rule knows, told by its first bytes and never by its name."""

import re

#: The formats that Pillow may read.
READABLE = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")

_HEAD = 4096


def what_it_is(content: bytes) -> str:
    """In French, with its article ("un PDF"); "" when unknown, or one of `READABLE` (see `begins_as`)."""
    head = content[:_HEAD]
    if begins_as(head):
        return ""
    for pattern, words in _BINARY:
        if pattern.match(head):
            return words
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "une page web (HTML)"
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text:
        return "un dessin SVG"
    if text.startswith((b"<?xml", b"<!--")):
        return "une page web (HTML)" if b"<html" in text else "un fichier XML"
    return ""


def begins_as(content: bytes) -> str:
    """The format of `READABLE` whose signature the file begins with, else ""."""
    return next((name for pattern, name in _PICTURES if pattern.match(content[:_HEAD])), "")


def _patterns(*pairs: tuple[bytes, str]) -> list[tuple[re.Pattern[bytes], str]]:
    return [(re.compile(pattern, re.DOTALL), words) for pattern, words in pairs]


_PICTURES = _patterns(
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM.{4}\0\0\0\0", "BMP"),
    (rb"II\*\0|MM\0\*", "TIFF"),
    (rb"RIFF.{4}WEBP", "WEBP"),
)

_BINARY = _patterns(
    (rb".{0,1000}?%PDF-", "un PDF"),
    (rb".{4}ftyp(?:hei[cxms]|hev[cxms])", "une image HEIC (photo d'iPhone)"),
    (rb".{4}ftypavi[fs]", "une image AVIF"),
    (rb".{4}ftyp(?:mif1|msf1).{4}.*?avif", "une image AVIF"),
    (rb".{4}ftyp(?:mif1|msf1)", "une image HEIC (photo d'iPhone)"),
    (rb".{4}ftyp", "une vidéo"),
    (rb"\0\0\0\x0cJXL |\xff\x0a", "une image JPEG XL"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "une image JPEG 2000"),
    (rb"8BPS", "un document Photoshop (PSD)"),
    (rb"gimp xcf", "un document GIMP (XCF)"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "un dessin EPS"),
    (rb"RIFF.{4}CDR", "un dessin CorelDRAW"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "un dessin Windows (WMF ou EMF)"),
    (rb"\0\0\x01\0", "une icône Windows (ICO)"),
    (rb"PK\x03\x04.*?word/", "un document Word"),
    (rb"PK\x03\x04.*?ppt/", "une présentation PowerPoint"),
    (rb"PK\x03\x04.*?xl/", "un classeur Excel"),
    (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis", "un document LibreOffice"),
    (rb"PK\x03\x04", "une archive ZIP"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "un ancien document Office"),
    (rb"\{\\rtf", "un document RTF"),
    (rb"Rar!|7z\xbc\xaf\x27\x1c|\x1f\x8b", "une archive compressée"),
)
