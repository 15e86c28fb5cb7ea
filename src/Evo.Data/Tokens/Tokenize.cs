using System.Buffers;
using System.Diagnostics;

namespace Evo.Data;

/// <summary>What is tokenized, and how.</summary>
public sealed record TokenizeOptions
{
    /// <summary>.txt and .jsonl files, read one after the other.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The .bin file; its .meta is made beside it.</summary>
    public required string Output { get; init; }

    /// <summary>The field that holds the text of a .jsonl line.</summary>
    public string Field { get; init; } = "text";

    /// <summary>What a document of a .txt file is.</summary>
    public TextUnit Unit { get; init; } = TextUnit.Line;

    /// <summary>Whether each document begins with the begin token, as InternEvo's tool has it.</summary>
    public bool AddBos { get; init; } = true;

    /// <summary>Whether each document ends with the end token, as InternEvo's tool has it.</summary>
    public bool AddEos { get; init; } = true;

    /// <summary>Threads that encode; 0 for as many as there are processors. The output does not depend on it.</summary>
    public int Workers { get; init; }
}

/// <summary>How far tokenizing is.</summary>
public sealed record TokenizeProgress(long Bytes, long TotalBytes, long Documents, long Tokens, TimeSpan Elapsed)
{
    /// <summary>Megabytes of input a second since the start.</summary>
    public double MegabytesPerSecond => Elapsed > TimeSpan.Zero ? Bytes / 1e6 / Elapsed.TotalSeconds : 0;
}

/// <summary>Text files into a token file, on all cores; documents stay in their order.</summary>
public static class Tokenize
{
    /// <summary>
    /// Tokenizes all inputs into one token file, which has its name only when it is complete. Returns the last state
    /// of the progress. Throws <see cref="DataException"/> where an input cannot be read or holds no documents, or
    /// the disk is full; nothing is left behind then.
    /// </summary>
    public static TokenizeProgress Run(
        TokenizeOptions options, Tokenizer tokenizer, IProgress<TokenizeProgress>? progress = null, CancellationToken stop = default)
    {
        var clock = Stopwatch.StartNew();
        var bos = Mark(options.AddBos, tokenizer.BosId, "begin", options);
        var eos = Mark(options.AddEos, tokenizer.EosId, "end", options);
        var total = options.Inputs.Sum(TextFiles.Size);
        var bytes = 0L;
        using var writer = new TokenFileWriter(options.Output);
        TokenizeProgress State() => new(bytes, total, writer.Documents, writer.Tokens, clock.Elapsed);

        // A window of chunks is being encoded; they are written in the order in which they were read.
        var workers = options.Workers > 0 ? options.Workers : Environment.ProcessorCount;
        var window = new Queue<Task<EncodedChunk>>(workers);
        void WriteOldest()
        {
            var encoded = window.Dequeue().GetAwaiter().GetResult();
            encoded.WriteTo(writer);
            bytes += encoded.InputBytes;
            progress?.Report(State());
        }
        try
        {
            foreach (var chunk in options.Inputs.SelectMany(input => TextFiles.Chunks(input, options.Unit)))
            {
                stop.ThrowIfCancellationRequested();
                while (window.Count >= workers) WriteOldest();
                window.Enqueue(Task.Run(() => EncodedChunk.Make(chunk, options.Field, tokenizer, bos, eos), stop));
            }
            while (window.Count > 0) WriteOldest();
        }
        catch
        {
            foreach (var task in window) // nobody may use the tokenizer after this method has thrown
                try
                {
                    task.Wait(CancellationToken.None);
                }
                catch (AggregateException)
                {
                }
            throw;
        }
        if (writer.Documents == 0)
            throw new DataException(string.Join(", ", options.Inputs.Take(3)), "no text at all", "there must be at least one document", "check the input files");
        writer.Complete();
        return State();
    }

    private static int? Mark(bool wanted, int? id, string what, TokenizeOptions options) =>
        !wanted ? null : id ?? throw new DataException(options.Output, $"the tokenizer has no {what} token", $"documents are to get one",
            "use another tokenizer, or ask for none");

    /// <summary>The records of a chunk's documents, ready to be written.</summary>
    private sealed class EncodedChunk
    {
        private readonly ArrayBufferWriter<byte> records = new(1 << 20);
        private readonly List<(int Bytes, int Tokens)> documents = [];

        public required int InputBytes { get; init; }

        public static EncodedChunk Make(TextChunk chunk, string field, Tokenizer tokenizer, int? bos, int? eos)
        {
            var made = new EncodedChunk { InputBytes = chunk.ByteCount };
            var ids = new ArrayBufferWriter<int>(1 << 12);
            var record = new byte[1 << 12];
            chunk.ForEach(field, text =>
            {
                ids.ResetWrittenCount();
                if (bos is { } begin) ids.Write([begin]);
                tokenizer.EncodeUtf8(text, ids);
                if (eos is { } end) ids.Write([end]);
                var line = TokenFileWriter.Format(ids.WrittenSpan, ref record);
                made.records.Write(line);
                made.documents.Add((line.Length, ids.WrittenCount));
            });
            return made;
        }

        public void WriteTo(TokenFileWriter writer)
        {
            var rest = records.WrittenSpan;
            foreach (var (bytes, tokens) in documents)
            {
                writer.Append(rest[..bytes], tokens);
                rest = rest[bytes..];
            }
        }
    }
}
