using System.Buffers;

namespace Evo.Data;

/// <summary>The records of a block's documents, ready to be written.</summary>
internal sealed class EncodedBlock
{
    private readonly ArrayBufferWriter<byte> records = new(1 << 20);
    private readonly List<(int Bytes, int Tokens)> documents = [];

    /// <summary>The place after the block.</summary>
    public required DocumentPlace Next { get; init; }

    /// <summary>Bytes of the file up to there.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Tokens of the block.</summary>
    public long Tokens { get; private set; }

    /// <summary>Bytes of text in the block.</summary>
    public long TextBytes { get; private set; }

    /// <summary>Encodes a block, on any thread.</summary>
    public static EncodedBlock Make(DocumentBlock block, string path, DocumentEncoder encoder)
    {
        var made = new EncodedBlock { Next = block.Next, FileBytes = block.FileBytes };
        var ids = new ArrayBufferWriter<int>(1 << 12);
        var record = new byte[1 << 12];
        block.ForEach((text, next) =>
        {
            ids.ResetWrittenCount();
            encoder.Encode(text, ids, path, next);
            var line = TokenFileWriter.Format(ids.WrittenSpan, ref record);
            made.records.Write(line);
            made.documents.Add((line.Length, ids.WrittenCount));
            made.Tokens += ids.WrittenCount;
            made.TextBytes += text.Length;
        });
        return made;
    }

    /// <summary>Writes the block.</summary>
    public void WriteTo(GrowingTokenFile file)
    {
        var rest = records.WrittenSpan;
        foreach (var (bytes, tokens) in documents)
        {
            file.Append(rest[..bytes], tokens);
            rest = rest[bytes..];
        }
    }
}
