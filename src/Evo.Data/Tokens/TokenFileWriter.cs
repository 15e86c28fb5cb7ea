using System.Buffers.Binary;
using System.Buffers.Text;

namespace Evo.Data;

/// <summary>
/// Writes InternEvo's <c>X.bin</c> and <c>X.bin.meta</c>, byte for byte as Python's json.dumps and numpy.save do, with
/// a 64-bit table. Both files have their names only after <see cref="Complete"/>.
/// </summary>
public sealed class TokenFileWriter : IDisposable
{
    private readonly AtomicFile bin, meta;
    private readonly List<(long Offset, long Length)> documents = [];
    private byte[] line = new byte[1 << 12];
    private long at;

    /// <summary>Tokens written so far.</summary>
    public long Tokens { get; private set; }

    /// <summary>Documents written so far.</summary>
    public int Documents => documents.Count;

    /// <summary>Starts a pair of files; folders are made where they are missing.</summary>
    /// <param name="path">The .bin file.</param>
    /// <param name="durable">Whether <see cref="Complete"/> waits until bytes and names are on the disk.</param>
    public TokenFileWriter(string path, bool durable = false)
    {
        bin = new AtomicFile(path, durable);
        try
        {
            meta = new AtomicFile(path + ".meta", durable);
        }
        catch
        {
            bin.Dispose();
            throw;
        }
    }

    /// <summary>Writes a document. Ids may be negative (context only) but not int.MinValue.</summary>
    public void Write(ReadOnlySpan<int> ids)
    {
        var record = Format(ids, ref line);
        Append(record, ids.Length);
    }

    /// <summary>Writes a record that <see cref="Format"/> made, perhaps on another thread.</summary>
    internal void Append(ReadOnlySpan<byte> record, int tokens)
    {
        try
        {
            bin.Stream.Write(record);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(bin.Path, "write", error);
        }
        documents.Add((at, tokens));
        at += record.Length;
        Tokens += tokens;
    }

    /// <summary>The record of a document in a buffer, which grows as needed.</summary>
    internal static ReadOnlySpan<byte> Format(ReadOnlySpan<int> ids, ref byte[] buffer)
    {
        var most = 16 + 13 * ids.Length; // "-2147483647, "
        if (buffer.Length < most) buffer = new byte[Math.Max(most, buffer.Length * 2)];
        var span = buffer.AsSpan();
        "{\"tokens\": ["u8.CopyTo(span);
        var end = 12;
        for (var i = 0; i < ids.Length; i++)
        {
            if (ids[i] == int.MinValue) throw new ArgumentOutOfRangeException(nameof(ids), $"token {i} has no absolute value");
            if (i > 0)
            {
                span[end++] = (byte)',';
                span[end++] = (byte)' ';
            }
            Utf8Formatter.TryFormat(ids[i], span[end..], out var digits);
            end += digits;
        }
        "]}\n"u8.CopyTo(span[end..]);
        return span[..(end + 3)];
    }

    /// <summary>Finishes both files and gives them their names, the table last.</summary>
    public void Complete()
    {
        try
        {
            meta.Stream.Write(NpyTable.HeaderFor(documents.Count, 2));
            Span<byte> row = stackalloc byte[16];
            foreach (var (offset, length) in documents)
            {
                BinaryPrimitives.WriteInt64LittleEndian(row, offset);
                BinaryPrimitives.WriteInt64LittleEndian(row[8..], length);
                meta.Stream.Write(row);
            }
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(meta.Path, "write", error);
        }
        bin.Finish();
        meta.Finish();
        File.Delete(meta.Path); // so that a kill between the two names leaves no table beside a file that is not its own
        bin.Publish();
        meta.Publish();
    }

    public void Dispose()
    {
        bin.Dispose();
        meta.Dispose();
    }
}
