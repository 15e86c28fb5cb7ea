using System.Buffers;
using System.Diagnostics;
using System.Text;
using Evo.Data;

namespace Evo.Bench;

/// <summary>
/// Megabytes a second of one thread through a tokenizer, paragraph by paragraph; for a sentencepiece model beside the
/// library itself. Nothing is kept from one paragraph to the next. Both take turns, so that a busy machine slows both.
/// </summary>
internal static class TokenizerBench
{
    public static void Print(string tokenizerPath, string textPath, Options options)
    {
        using var tokenizer = TokenizerFiles.Open(tokenizerPath);
        byte[][] documents = [.. File.ReadAllText(textPath).Split("\n\n").Select(Encoding.UTF8.GetBytes)];
        var megabytes = documents.Sum(document => (double)document.Length) / 1e6;
        List<double> ours = [], library = [];
        var tokens = 0L;
        for (var repeat = 0; repeat <= options.Repeats; repeat++)
        {
            tokens = Measure(documents, ours, (document, ids) => tokenizer.EncodeUtf8(document, ids));
            if (tokenizer is not SentencePieceTokenizer { Hindrance: null } sentences) continue;
            var others = Measure(documents, library, (document, ids) =>
            {
                var buffer = new TokenBuffer(withSpans: false);
                sentences.EncodeByLibrary(document, buffer);
                ids.Write(buffer.Ids);
            });
            if (others != tokens) throw new InvalidOperationException($"{tokens} tokens, but the library makes {others}");
        }
        Console.WriteLine($"{megabytes:F1} MB in {documents.Length} paragraphs, {tokens} tokens, one thread");
        Console.WriteLine($"{tokenizer.GetType().Name,-24} {megabytes / Best(ours),7:F1} MB/s");
        if (library.Count > 0) Console.WriteLine($"{"sentencepiece library",-24} {megabytes / Best(library),7:F1} MB/s, {Best(library) / Best(ours):F1} times as long");
    }

    private static double Best(List<double> seconds) => seconds.Min();

    private static long Measure(byte[][] documents, List<double> seconds, Action<byte[], ArrayBufferWriter<int>> encode)
    {
        var ids = new ArrayBufferWriter<int>();
        var (started, tokens) = (Stopwatch.GetTimestamp(), 0L);
        foreach (var document in documents)
        {
            ids.ResetWrittenCount();
            encode(document, ids);
            tokens += ids.WrittenCount;
        }
        seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
        return tokens;
    }
}
