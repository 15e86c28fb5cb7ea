using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Evo.Data;

/// <summary>How a sentencepiece vocabulary is to be made. The defaults are those of the InternLM2 model, smaller.</summary>
public sealed record SentencePieceOptions
{
    /// <summary>How many pieces, all marks and byte pieces included.</summary>
    public int VocabSize { get; init; } = 4096;

    /// <summary><c>bpe</c> or <c>unigram</c>.</summary>
    public string Algorithm { get; init; } = "bpe";

    /// <summary>The share of the text's characters that get pieces of their own; the rest become bytes, or unknown.</summary>
    public double CharacterCoverage { get; init; } = 0.9999;

    /// <summary>Whether other characters become one of 256 byte pieces, so that every text survives a round trip.</summary>
    public bool ByteFallback { get; init; } = true;

    /// <summary>Whether a space is put before every text.</summary>
    public bool AddDummyPrefix { get; init; }

    /// <summary>Whether each digit is a piece of its own.</summary>
    public bool SplitDigits { get; init; }

    /// <summary>Text that is always one token where it occurs.</summary>
    public IReadOnlyList<string> UserDefined { get; init; } = [];

    /// <summary>At most so many lines are used, drawn at random with <see cref="Seed"/>; 0 for all.</summary>
    public int MaxLines { get; init; }

    /// <summary>The seed of that draw.</summary>
    public int Seed { get; init; } = 1024;

    /// <summary>Threads of the trainer. The vocabulary of BPE does not depend on it; the model file records it.</summary>
    public int Threads { get; init; } = 4;
}

/// <summary>How far training a vocabulary is.</summary>
/// <param name="Reading">True while text is read, false while pieces are made from it.</param>
/// <param name="Lines">Lines read.</param>
/// <param name="Bytes">Bytes of them.</param>
/// <param name="Elapsed">Time since the start.</param>
public sealed record SentencePieceProgress(bool Reading, long Lines, long Bytes, TimeSpan Elapsed);

/// <summary>
/// Makes a sentencepiece vocabulary with the library's own trainer. The same text and options give the same file.
/// Text is taken line by line, as the library's own command does: a line break is never part of a piece.
/// </summary>
public static unsafe partial class SentencePieceTrainer
{
    private static readonly Lock OneAtATime = new(); // the library keeps its log level in a global

    /// <summary>Trains on texts and writes <c>{prefix}.model</c> and <c>{prefix}.vocab</c> (piece and score, one a line).</summary>
    /// <returns>The path of the model.</returns>
    /// <exception cref="DataException">The text is too small for the vocabulary, or too rich; the message says what size would work.</exception>
    public static string Train(
        SentencePieceOptions options, IEnumerable<string> texts, string prefix,
        IProgress<SentencePieceProgress>? progress = null, CancellationToken stop = default)
    {
        var path = $"{prefix}.model";
        var model = Train(options, texts, path, progress, stop, out _);
        using (var file = new AtomicFile(path))
        {
            file.Stream.Write(model);
            file.Complete();
        }
        using (var file = new AtomicFile($"{prefix}.vocab"))
        {
            using (var writer = new StreamWriter(file.Stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" })
                foreach (var (text, score, _) in SentencePieceModel.Read(path, model).Pieces)
                    writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{text}\t{score}"));
            file.Complete();
        }
        return path;
    }

    /// <summary>Trains on texts; the bytes of the model file. The name is for messages.</summary>
    public static byte[] Train(
        SentencePieceOptions options, IEnumerable<string> texts, string name,
        IProgress<SentencePieceProgress>? progress, CancellationToken stop, out long lines)
    {
        Check(options, name);
        string[] arguments =
        [
            "vocab_size", options.VocabSize.ToString(CultureInfo.InvariantCulture),
            "model_type", options.Algorithm,
            "character_coverage", options.CharacterCoverage.ToString(CultureInfo.InvariantCulture),
            "byte_fallback", Flag(options.ByteFallback),
            "normalization_rule_name", "identity",
            "add_dummy_prefix", Flag(options.AddDummyPrefix),
            "remove_extra_whitespaces", "false",
            "allow_whitespace_only_pieces", "true",
            "split_digits", Flag(options.SplitDigits),
            "user_defined_symbols", string.Join(',', options.UserDefined),
            "shuffle_input_sentence", "false",
            "num_threads", options.Threads.ToString(CultureInfo.InvariantCulture),
            "max_sentence_length", (1 << 30).ToString(CultureInfo.InvariantCulture),
            "minloglevel", "2",
        ];
        using var feed = new Feed(options.MaxLines > 0 ? Draw(Lines(texts), options) : Lines(texts), progress, stop);
        lock (OneAtATime)
        {
            var strings = arguments.Select(Marshal.StringToCoTaskMemUTF8).ToArray();
            var self = GCHandle.Alloc(feed);
            try
            {
                string? error;
                byte* model = null;
                long length;
                fixed (nint* pointers = strings)
                    error = NativeSentencePiece.Take(NativeSentencePiece.Train(
                        (byte**)pointers, strings.Length / 2, &Next, (void*)GCHandle.ToIntPtr(self), out model, out length));
                feed.Rethrow();
                stop.ThrowIfCancellationRequested();
                if (error is not null) throw Explain(options, name, feed, error);
                var bytes = new ReadOnlySpan<byte>(model, checked((int)length)).ToArray();
                NativeSentencePiece.Free(model);
                lines = feed.Lines;
                return bytes;
            }
            finally
            {
                self.Free();
                foreach (var text in strings) Marshal.FreeCoTaskMem(text);
            }
        }
    }

    private static IEnumerable<string> Lines(IEnumerable<string> texts)
    {
        foreach (var text in texts)
            for (var at = 0; at < text.Length;)
            {
                var end = text.AsSpan(at).IndexOfAny('\n', '\r') is var found and >= 0 ? at + found : text.Length;
                if (end > at) yield return text[at..end];
                at = end + 1;
            }
    }

    // Every set of so many lines is equally likely (reservoir sampling); the library's own draw cannot be seeded.
    private static IEnumerable<string> Draw(IEnumerable<string> lines, SentencePieceOptions options)
    {
        var random = new Random(options.Seed);
        var drawn = new List<string>(options.MaxLines);
        var seen = 0L;
        foreach (var line in lines)
        {
            seen++;
            if (drawn.Count < options.MaxLines) drawn.Add(line);
            else if (random.NextInt64(seen) is var place && place < drawn.Count) drawn[(int)place] = line;
        }
        return drawn;
    }

    private static void Check(SentencePieceOptions options, string name)
    {
        if (options.Algorithm is not ("bpe" or "unigram"))
            throw new DataException(name, $"algorithm '{options.Algorithm}'", "it must be bpe or unigram");
        if (!(options.CharacterCoverage is >= 0.98 and <= 1))
            throw new DataException(name, $"character coverage {options.CharacterCoverage.ToString(CultureInfo.InvariantCulture)}",
                "it must be 0.98 to 1");
        if (options.Threads is < 1 or > 1024) throw new DataException(name, $"{options.Threads} threads", "there must be 1 to 1024");
        if (options.UserDefined.Any(text => text.Length == 0 || text.Contains(',')))
            throw new DataException(name, "a user-defined piece that is empty or holds a comma", "the trainer separates them by commas");
        var marks = 3 + (options.ByteFallback ? 256 : 0) + options.UserDefined.Count;
        if (options.VocabSize <= marks)
            throw new DataException(name, $"a vocabulary of {options.VocabSize}",
                $"it must be larger than {marks}: unknown, begin and end{(options.ByteFallback ? ", 256 byte pieces" : "")}"
                + (options.UserDefined.Count > 0 ? $" and {options.UserDefined.Count} user-defined pieces" : ""),
                $"use {marks + 100} or more");
    }

    private static DataException Explain(SentencePieceOptions options, string name, Feed feed, string error)
    {
        var found = $"a vocabulary of {options.VocabSize} from {feed.Lines} lines with {feed.Bytes} bytes";
        if (feed.Lines == 0) return new DataException(name, "no text at all", "a vocabulary is made from text", "check the input files");
        var tooHigh = TooHigh().Match(error);
        if (tooHigh.Success)
            return new DataException(name, found, "the text does not hold so many different pieces", $"use at most {tooHigh.Groups[1]}, or more text");
        if (error.Contains("smaller than required_chars", StringComparison.Ordinal))
        {
            var needed = Required().Match(error);
            return new DataException(name, found, "it must hold every character that the coverage asks for",
                (needed.Success ? $"use more than {needed.Groups[1]}" : "use a larger vocabulary") + ", or a lower character coverage");
        }
        return new DataException(name, $"{found}: {error}", "the sentencepiece trainer must accept it");
    }

    [GeneratedRegex(@"set it to a value <= (\d+)")]
    private static partial Regex TooHigh();

    [GeneratedRegex(@"(\d+) vs \d+")]
    private static partial Regex Required();

    private static string Flag(bool value) => value ? "true" : "false";

    [UnmanagedCallersOnly]
    private static int Next(void* state, byte** text, long* length) =>
        ((Feed)GCHandle.FromIntPtr((nint)state).Target!).Next(text, length);

    /// <summary>The lines in UTF-8, with the exception of whoever makes them kept for later.</summary>
    private sealed class Feed : IDisposable
    {
        private readonly IEnumerator<string> lines;
        private readonly IProgress<SentencePieceProgress>? progress;
        private readonly CancellationToken stop;
        private readonly Stopwatch clock = Stopwatch.StartNew();
        private readonly Timer? heartbeat;
        private byte* buffer;
        private int capacity;
        private volatile bool reading = true;
        private System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure;

        public long Lines { get; private set; }

        public long Bytes { get; private set; }

        public Feed(IEnumerable<string> source, IProgress<SentencePieceProgress>? progress, CancellationToken stop)
        {
            lines = source.GetEnumerator();
            this.progress = progress;
            this.stop = stop;
            if (progress is not null) heartbeat = new Timer(_ => Report(), null, 500, 500);
        }

        public int Next(byte** line, long* length)
        {
            try
            {
                if (stop.IsCancellationRequested) return -1;
                if (!lines.MoveNext())
                {
                    reading = false;
                    Report();
                    return 0;
                }
                var count = Encode(lines.Current);
                Lines++;
                Bytes += count;
                *line = buffer;
                *length = count;
                return 1;
            }
            catch (Exception error)
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(error);
                return -1;
            }
        }

        /// <summary>Throws what the source of the texts threw, if it did.</summary>
        public void Rethrow() => failure?.Throw();

        private int Encode(ReadOnlySpan<char> line)
        {
            var most = Encoding.UTF8.GetMaxByteCount(line.Length);
            if (most > capacity)
            {
                buffer = (byte*)NativeMemory.Realloc(buffer, (nuint)most);
                capacity = most;
            }
            return Encoding.UTF8.GetBytes(line, new Span<byte>(buffer, capacity));
        }

        private void Report() => progress?.Report(new SentencePieceProgress(reading, Lines, Bytes, clock.Elapsed));

        public void Dispose()
        {
            heartbeat?.Dispose();
            lines.Dispose();
            NativeMemory.Free(buffer);
            buffer = null;
        }
    }
}
