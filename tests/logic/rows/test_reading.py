"""Lines come out as rows or as bad rows, each with its place."""

from jobs.logic.rows.reading import Reading, named

ROW = '{"id": "%s", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]%s}'


def test_reading() -> None:
    reading = Reading()
    reading.add("a", 1, (ROW % ("r1", ', "score": 1')).encode(), 0, False)
    reading.add("a", 2, (ROW % ("r1", "")).encode(), 99, False)
    reading.add("b", 1, b'{"id": "\xe9"}', 0, False)
    reading.add_too_large("b", 2, 2000, 1000)
    reading.add("b", 4, b'{"id": "r9", "mess', 2020, True)
    assert [row.id for row in reading.rows] == ["r1"]
    assert dict(reading.ignored_columns) == {"score": 1}
    assert [(bad.id, bad.line, bad.reason) for bad in reading.bad] == [
        ("r1", 2, "duplicate-id"),
        ("b:1", 1, "encoding"),
        ("b:2", 2, "too-large"),
        ("r9", 4, "truncated-json"),
    ]
    told = named(reading.bad)
    assert told.startswith("a:2 (id r1): duplicate-id: a:1 has this id as well; b:1: encoding: byte 0xe9 at offset 8")
    assert told.endswith("2,000 bytes, the most is 1,000; and 1 more")
