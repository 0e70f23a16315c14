"""The headers of a ZIP archive, read field by field as APPNOTE.TXT lays them out."""

import struct
from typing import NamedTuple

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
LOCATOR64 = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
ALL_ONES = 0xFFFFFFFF


class Header(NamedTuple):
    """What both headers of a member say of it; numbers of ZIP64 are already those meant."""

    name: bytes
    version: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int


class Entry(NamedTuple):
    """A member as the central directory has it, and where its local header is."""

    header: Header
    offset: int


def local_header(data: bytes, offset: int) -> Header:
    fields = LOCAL.unpack_from(data, offset)
    signature, version, flags, method, time, day, crc, packed, size, name, extra = fields
    assert signature == b"PK\3\4"
    begin = offset + LOCAL.size
    title = data[begin : begin + name]
    numbers = wide(data[begin + name : begin + name + extra], [size, packed])
    return Header(title, version, flags, method, time, day, crc, numbers[1], numbers[0])


def entries(data: bytes) -> list[Entry]:
    """The central directory, found as readers find it."""
    count, place = directory(data)
    found = []
    for _ in range(count):
        fields = CENTRAL.unpack_from(data, place)
        assert fields[0] == b"PK\1\2"
        name, extra, comment = fields[10:13]
        begin = place + CENTRAL.size
        numbers = [fields[9], fields[8], fields[16]]
        size, packed, offset = wide(data[begin + name : begin + name + extra], numbers)
        header = Header(data[begin : begin + name], *fields[2:8], packed, size)
        found.append(Entry(header, offset))
        place = begin + name + extra + comment
    return found


def directory(data: bytes) -> tuple[int, int]:
    """How many entries the directory has, and where it begins."""
    end = data.rindex(b"PK\5\6")
    _, _, _, _, count, size, begin, comment = END.unpack_from(data, end)
    assert end + END.size + comment == len(data)
    if ALL_ONES in (size, begin) or count == 0xFFFF:
        signature, _, place, disks = LOCATOR64.unpack_from(data, end - LOCATOR64.size)
        assert (signature, disks) == (b"PK\6\7", 1)
        end64 = END64.unpack_from(data, place)
        assert end64[0] == b"PK\6\6"
        return end64[7], end64[9]
    assert begin + size == end
    return count, begin


def wide(extra: bytes, numbers: list[int]) -> list[int]:
    """The numbers, those that are all ones out of the field of ZIP64."""
    while extra:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1:
            assert ALL_ONES in numbers, "a field of ZIP64 that stands for nothing"
            values = iter(struct.unpack_from(f"<{length // 8}Q", extra, 4))
            numbers = [next(values) if each == ALL_ONES else each for each in numbers]
            assert next(values, None) is None
        extra = extra[4 + length :]
    return numbers
