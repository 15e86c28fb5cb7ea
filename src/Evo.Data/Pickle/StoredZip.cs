using System.Buffers.Binary;
using System.Text;

namespace Evo.Data;

/// <summary>An entry of a zip archive: what its directory says of it.</summary>
internal sealed record ZipEntry(string Name, long HeaderOffset, long ByteCount);

/// <summary>
/// The directory of a zip archive whose entries are stored as they are, as torch.save writes them: an entry is then a range of
/// the file, and reading part of it costs no more than that part. Compressed and encrypted entries are refused, and so is a
/// directory that contradicts itself; nothing is believed that the file's length does not bear out.
/// </summary>
internal sealed class StoredZip
{
    private const uint EndMark = 0x06054b50, End64Mark = 0x06064b50, Locator64Mark = 0x07064b50, EntryMark = 0x02014b50, LocalMark = 0x04034b50;
    private const int EndBytes = 22, EntryBytes = 46, LocalBytes = 30;
    private const string Next = "the file is damaged or not from torch.save: copy or download it again";

    private readonly PositionedFile file;
    private readonly long directoryStart;
    private readonly Dictionary<string, ZipEntry> byName = new(StringComparer.Ordinal);

    /// <summary>Every entry by its name.</summary>
    public IReadOnlyDictionary<string, ZipEntry> Entries => byName;

    /// <summary>Reads the directory.</summary>
    public StoredZip(PositionedFile file)
    {
        this.file = file;
        var (start, bytes, end) = FindDirectory();
        if (start < 0 || bytes < 0 || start > end - bytes)
            throw Bad($"the directory is said to be {bytes} bytes at {start}, and ends before byte {end}", "it must lie inside the file");
        if (bytes > int.MaxValue / 4)
            throw Bad($"the directory has {bytes} bytes", $"at most {int.MaxValue / 4} are read");
        directoryStart = start;
        ReadEntries(file.Bytes(start, (int)bytes));
    }

    /// <summary>Where the entry's bytes begin in the file; its own header is checked against the directory.</summary>
    public long DataOffset(ZipEntry entry)
    {
        if (entry.HeaderOffset < 0 || entry.HeaderOffset > directoryStart - LocalBytes)
            throw Bad($"entry '{Shown.Text(entry.Name)}' is said to begin at byte {entry.HeaderOffset}", "it must lie before the directory");
        Span<byte> header = stackalloc byte[LocalBytes];
        file.Read(entry.HeaderOffset, header);
        var name = Encoding.UTF8.GetBytes(entry.Name);
        var nameStart = entry.HeaderOffset + LocalBytes;
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalMark || BinaryPrimitives.ReadUInt16LittleEndian(header[26..]) != name.Length
            || nameStart > directoryStart - name.Length || !file.Bytes(nameStart, name.Length).AsSpan().SequenceEqual(name))
            throw Bad($"no header of entry '{Shown.Text(entry.Name)}' stands at byte {entry.HeaderOffset}", "directory and entries must agree");
        var data = nameStart + name.Length + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        if (entry.ByteCount < 0 || data > directoryStart - entry.ByteCount)
            throw Bad($"entry '{Shown.Text(entry.Name)}' is said to be {entry.ByteCount} bytes at {data}", "it must lie before the directory");
        return data;
    }

    // The record at the very end, and where there is one the 64-bit record that it stands in for.
    private (long Start, long Bytes, long End) FindDirectory()
    {
        var tail = file.Bytes(Math.Max(0, file.Length - EndBytes - ushort.MaxValue), (int)Math.Min(file.Length, EndBytes + ushort.MaxValue));
        var at = tail.Length - EndBytes;
        while (at >= 0 && (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at)) != EndMark
                || BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 20)) != tail.Length - at - EndBytes))
            at--;
        if (at < 0) throw Bad("it has no directory at its end", "a zip archive must end with one");
        var end = file.Length - tail.Length + at;
        var record = tail.AsSpan(at);
        if (at >= 20 && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at - 20)) == Locator64Mark)
        {
            var at64 = BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(at - 12));
            if (at64 < 0 || at64 > end - 20 - 56) throw Bad($"the 64-bit record is said to be at byte {at64}", "it must lie before the end");
            var record64 = file.Bytes(at64, 56);
            if (BinaryPrimitives.ReadUInt32LittleEndian(record64) != End64Mark)
                throw Bad($"no 64-bit record stands at byte {at64}", "its place must be right");
            return (BinaryPrimitives.ReadInt64LittleEndian(record64.AsSpan(48)), BinaryPrimitives.ReadInt64LittleEndian(record64.AsSpan(40)), at64);
        }
        return (BinaryPrimitives.ReadUInt32LittleEndian(record[16..]), BinaryPrimitives.ReadUInt32LittleEndian(record[12..]), end);
    }

    private void ReadEntries(ReadOnlySpan<byte> directory)
    {
        for (var at = 0; at < directory.Length;)
        {
            var entry = directory[at..];
            if (entry.Length < EntryBytes || BinaryPrimitives.ReadUInt32LittleEndian(entry) != EntryMark)
                throw Bad($"no entry stands at byte {directoryStart + at} of the directory", "entries must follow each other without gaps");
            int nameBytes = BinaryPrimitives.ReadUInt16LittleEndian(entry[28..]), extraBytes = BinaryPrimitives.ReadUInt16LittleEndian(entry[30..]);
            var whole = EntryBytes + nameBytes + extraBytes + BinaryPrimitives.ReadUInt16LittleEndian(entry[32..]);
            if (whole > entry.Length) throw Bad($"the entry at byte {directoryStart + at} is cut short", "the directory must be whole");
            var name = Encoding.UTF8.GetString(entry.Slice(EntryBytes, nameBytes));
            if (Encoding.UTF8.GetByteCount(name) != nameBytes)
                throw Bad($"the name of the entry at byte {directoryStart + at} is no UTF-8", "names must be text");
            var method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
            if (method != 0 || (entry[8] & 1) != 0)
                throw Bad($"entry '{Shown.Text(name)}' is {(method != 0 ? $"compressed (method {method})" : "encrypted")}",
                    "entries must be stored as they are, as torch.save writes them");
            var (bytes, packed, header) = Sizes(name, entry, entry.Slice(EntryBytes + nameBytes, extraBytes));
            if (bytes != packed) throw Bad($"entry '{Shown.Text(name)}' has {bytes} bytes and {packed} of them are stored", "the two must be equal");
            if (!byName.TryAdd(name, new ZipEntry(name, header, bytes)))
                throw Bad($"entry '{Shown.Text(name)}' stands twice in the directory", "names must be unique");
            at += whole;
        }
    }

    // Fields that do not fit 32 bits are all ones there and stand, in this order, in the extra field numbered 1.
    private (long Bytes, long Packed, long Header) Sizes(string name, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        long packed = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]), bytes = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
        long header = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        var wide = ReadOnlySpan<byte>.Empty;
        while (extra.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(extra), count = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (count > extra.Length - 4) break;
            if (id == 1) wide = extra.Slice(4, count);
            extra = extra[(4 + count)..];
        }
        Widen(ref bytes, ref wide, name);
        Widen(ref packed, ref wide, name);
        Widen(ref header, ref wide, name);
        return (bytes, packed, header);
    }

    private void Widen(ref long field, ref ReadOnlySpan<byte> wide, string name)
    {
        if (field != uint.MaxValue) return;
        if (wide.Length < 8) throw Bad($"entry '{Shown.Text(name)}' lacks its 64-bit sizes", "the directory must be whole");
        field = BinaryPrimitives.ReadInt64LittleEndian(wide);
        wide = wide[8..];
    }

    private DataException Bad(string found, string rule) => new(file.Path, found, rule, Next);
}
