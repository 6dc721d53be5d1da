"""PDF files of a few bytes, written by hand: pages of text, also in Japanese, and pages without any."""

from __future__ import annotations


def pdf(*pages: str | None) -> bytes:
    """One page for each text, its lines under each other; None is a page with a drawing and no text."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects += [b"<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H /DescendantFonts [4 0 R] "]
    objects[-1] += b"/ToUnicode 5 0 R >>"
    objects += [b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /CIDSystemInfo << /Registry (Adobe) /Ordering "]
    objects[-1] += b"(Identity) /Supplement 0 >> /DW 1000 >>"
    objects += [_stream(MAP)]
    kids = []
    for text in pages:
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (len(objects) + 2)
        )
        objects.append(_stream(b"0 0 10 10 re f" if text is None else _shown(text)))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%b] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    return _file(objects)


MAP = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Any def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfrange <0000> <FFFF> <0000> endbfrange
endcmap end end"""


def _shown(text: str) -> bytes:
    lines = (b"<%b> Tj 0 -14 Td" % line.encode("utf-16-be").hex().encode() for line in text.split("\n"))
    return b"BT /F1 10 Tf 50 780 Td " + b" ".join(lines) + b" ET"


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(data), data)


def _file(objects: list[bytes]) -> bytes:
    found, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(found))
        found += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(found)
    found += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    return found + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
