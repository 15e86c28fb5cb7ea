using System.Buffers.Binary;

namespace Evo.Data.Arrow;

/// <summary>What a message of an Arrow file is.</summary>
internal enum ArrowKind : byte
{
    Schema = 1,
    Dictionary = 2,
    Batch = 3,
}

/// <summary>Where a message lies in a file: its head, its metadata, its body.</summary>
/// <param name="Start">The byte where it begins.</param>
/// <param name="HeadBytes">Bytes before the metadata.</param>
/// <param name="MetadataBytes">Bytes of metadata.</param>
/// <param name="BodyBytes">Bytes of the body.</param>
internal sealed record ArrowMessage(ArrowKind Kind, long Start, int HeadBytes, int MetadataBytes, long BodyBytes)
{
    private const int MostMetadata = 1 << 28, MostDepth = 32;

    /// <summary>The byte after the message.</summary>
    public long End => Start + HeadBytes + MetadataBytes + BodyBytes;

    /// <summary>
    /// The messages of a file, in order: of a stream from its first byte, of the file format from behind its magic, as that holds
    /// a stream. Each is checked against what Apache.Arrow would take on trust. Throws <see cref="InvalidDataException"/>.
    /// </summary>
    public static IReadOnlyList<ArrowMessage> All(PositionedFile file, long start)
    {
        var messages = new List<ArrowMessage>();
        Span<byte> head = stackalloc byte[8];
        for (var at = start; at < file.Length;)
        {
            if (file.Length - at < 4) throw new InvalidDataException($"{file.Length - at} bytes behind the last message");
            file.Read(at, head[..4]);
            var (length, headBytes) = (BinaryPrimitives.ReadInt32LittleEndian(head), 4);
            if (length == -1) // since format 0.15 this stands before the length
            {
                if (file.Length - at < 8) throw new InvalidDataException("it is cut in the head of a message");
                file.Read(at + 4, head[..4]);
                (length, headBytes) = (BinaryPrimitives.ReadInt32LittleEndian(head), 8);
            }
            if (length == 0) break;
            if (length < 0 || length > MostMetadata || length > file.Length - at - headBytes)
                throw new InvalidDataException($"a message at byte {at} with {length} bytes of metadata, of {file.Length - at} left");
            var metadata = file.Bytes(at + headBytes, length);
            var (kind, body) = Check(metadata);
            if (body > file.Length - at - headBytes - length)
                throw new InvalidDataException($"a message at byte {at} with a body of {body} bytes, of {file.Length - at - headBytes - length} left: it is cut");
            var message = new ArrowMessage(kind, at, headBytes, length, body);
            if (messages.Count == 0 != (kind == ArrowKind.Schema)) throw new InvalidDataException($"message {messages.Count} at byte {at} is a {kind}");
            messages.Add(message);
            at = message.End;
        }
        return messages.Count > 0 ? messages : throw new InvalidDataException("no schema");
    }

    private static (ArrowKind Kind, long Body) Check(ReadOnlySpan<byte> metadata)
    {
        var message = FlatTable.Root(metadata);
        var kind = (ArrowKind)message.Byte(1);
        var body = message.Int64(3);
        if (body < 0) throw new InvalidDataException($"a body of {body} bytes");
        switch (kind)
        {
            case ArrowKind.Schema:
                var schema = message.Table(2);
                if (schema.Int16(0) != 0) throw new InvalidDataException("big-endian numbers, which are not read");
                var budget = metadata.Length / 8; // a field takes more; lists may share fields, which is how damage multiplies them
                schema.Count(2, 4);
                for (int i = 0, fields = schema.Count(1, 4); i < fields; i++) CheckField(schema.Element(1, i), 0, ref budget);
                break;
            case ArrowKind.Dictionary: CheckBatch(message.Table(2).Table(1)); break;
            case ArrowKind.Batch: CheckBatch(message.Table(2)); break;
            default: throw new InvalidDataException($"a message of kind {(byte)kind}, which is no table's");
        }
        return (kind, body);
    }

    private static void CheckField(FlatTable field, int depth, ref int budget)
    {
        if (depth > MostDepth || --budget < 0) throw new InvalidDataException("fields nested without end");
        field.Count(6, 4);
        for (int i = 0, children = field.Count(5, 4); i < children; i++) CheckField(field.Element(5, i), depth + 1, ref budget);
    }

    private static void CheckBatch(FlatTable batch)
    {
        batch.Count(1, 16);
        var buffers = batch.Count(2, 16);
        var views = 0L;
        for (int i = 0, columns = batch.Count(4, 8); i < columns; i++)
        {
            var more = batch.Int64In(4, i, 8, 0);
            if (more < 0 || (views += more) > buffers) throw new InvalidDataException($"{more} buffers of views, of {buffers} in all");
        }
    }

    /// <summary>Throws where a compressed buffer of the body says that it holds more than it can.</summary>
    public void CheckCompression(ReadOnlySpan<byte> message)
    {
        var metadata = FlatTable.Root(message.Slice(HeadBytes, MetadataBytes));
        var batch = Kind == ArrowKind.Dictionary ? metadata.Table(2).Table(1) : metadata.Table(2);
        if (!batch.Has(3)) return;
        var body = message[(HeadBytes + MetadataBytes)..];
        for (int i = 0, buffers = batch.Count(2, 16); i < buffers; i++)
        {
            var (offset, length) = (batch.Int64In(2, i, 16, 0), batch.Int64In(2, i, 16, 8));
            if (length == 0) continue;
            if (offset < 0 || length < 8 || offset > body.Length - length) throw new InvalidDataException($"a buffer of {length} bytes at byte {offset} of a body of {body.Length}");
            var whole = BinaryPrimitives.ReadInt64LittleEndian(body[(int)offset..]);
            if (whole < -1 || whole > CompressedText.MostOf(length)) throw new InvalidDataException($"a buffer of {length} bytes that would become {whole}");
        }
    }
}
