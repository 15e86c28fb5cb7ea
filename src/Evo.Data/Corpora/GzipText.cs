using System.IO.Compression;

namespace Evo.Data;

/// <summary>
/// What a gzip file holds, all members of it, to the last byte. The runtime's stream takes the end of a cut file for the end of the
/// text, and silently leaves out what follows damage between two members; so a member of our own is put behind the file, and
/// the text is whole only if that comes out last.
/// </summary>
internal sealed class GzipText(Stream file) : ReadOnlyStream
{
    private static readonly byte[] Mark = "\0end of the text\xFF"u8.ToArray();
    private static readonly byte[] MarkMember = Compress(Mark);

    private readonly GZipStream text = new(new Marked(file), CompressionMode.Decompress);
    private byte[] held = [];
    private bool ended;

    /// <inheritdoc/>
    public override int Read(Span<byte> into)
    {
        // The last bytes are held back, as they may be the mark.
        var buffer = new byte[into.Length + Mark.Length];
        while (!ended)
        {
            held.CopyTo(buffer, 0);
            var read = text.Read(buffer, held.Length, into.Length);
            var there = held.Length + read;
            if (read == 0 && into.Length > 0)
            {
                ended = true;
                if (!held.AsSpan().SequenceEqual(Mark)) throw new InvalidDataException("the data are cut, or something else follows them");
                break;
            }
            var given = Math.Max(0, there - Mark.Length);
            held = buffer[given..there];
            if (given == 0 && into.Length > 0) continue;
            buffer.AsSpan(0, given).CopyTo(into);
            return given;
        }
        return 0;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    private static byte[] Compress(byte[] bytes)
    {
        var member = new MemoryStream();
        using (var stream = new GZipStream(member, CompressionLevel.Optimal)) stream.Write(bytes);
        return member.ToArray();
    }

    /// <summary>The file with the mark behind it.</summary>
    private sealed class Marked(Stream file) : ReadOnlyStream
    {
        private int given;

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = file.Read(buffer, offset, count);
            if (read > 0 || count == 0) return read;
            read = Math.Min(count, MarkMember.Length - given);
            MarkMember.AsSpan(given, read).CopyTo(buffer.AsSpan(offset));
            given += read;
            return read;
        }

        protected override void Dispose(bool disposing) => file.Dispose();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => text.Dispose();
}

/// <summary>A stream that can be read once, from its beginning to its end.</summary>
internal abstract class ReadOnlyStream : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
