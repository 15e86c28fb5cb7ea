using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Evo.Data;

/// <summary>What is extracted, and how it is split.</summary>
public sealed record SdkDocsOptions
{
    /// <summary>The folder of a .NET SDK (the one with <c>packs</c> in it); found when null.</summary>
    public string? Root { get; init; }

    /// <summary>The share of documents that go into the held-out file.</summary>
    public double HeldOut { get; init; } = 0.02;

    /// <summary>Shorter texts are left out: they say nothing ("Gets.").</summary>
    public int MinCharacters { get; init; } = 16;
}

/// <summary>How far extraction is: files and bytes of XML.</summary>
public sealed record SdkDocsProgress(int Files, int TotalFiles, long Bytes, long TotalBytes);

/// <summary>What was extracted: from where, how much, and how it fell.</summary>
public sealed record SdkDocsResult(
    string Root, int Files, long XmlBytes, long Texts, int Distinct, long TextBytes, int Train, int Valid, TimeSpan Elapsed);

/// <summary>
/// Text that every machine with Microsoft's .NET SDK has: the documentation of its reference assemblies
/// (<c>packs/*/*/ref/*/*.xml</c>). About 70 MB of XML hold 110,000 different texts of 11 MB. Duplicates are removed
/// before a share is held out, or the held-out loss would measure memory.
/// </summary>
public static class SdkDocs
{
    /// <summary>Writes two .jsonl files with one <c>{"text": ...}</c> a line. The same SDK gives the same files.</summary>
    /// <exception cref="DataException">No SDK with documentation was found (the message says where was looked and what to do), or a file is damaged.</exception>
    public static SdkDocsResult Extract(
        SdkDocsOptions options, string trainPath, string validPath, IProgress<SdkDocsProgress>? progress = null, CancellationToken stop = default)
    {
        if (!(options.HeldOut is > 0 and < 1))
            throw new DataException("held-out share", $"{options.HeldOut}", "it must be above 0 and below 1");
        var clock = Stopwatch.StartNew();
        var (root, files) = SdkDocsFolders.Find(options.Root);
        var total = files.Sum(file => file.Length);
        var (done, bytes) = (0, 0L);
        var gate = new Lock();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var (texts, textBytes, train, valid) = (0L, 0L, 0, 0);
        using (var trainFile = new AtomicFile(trainPath))
        using (var validFile = new AtomicFile(validPath))
        {
            var parsed = files.AsParallel().AsOrdered().WithMergeOptions(ParallelMergeOptions.NotBuffered).WithCancellation(stop).Select(file =>
            {
                var found = DocText.Read(file.FullName, options.MinCharacters);
                lock (gate) progress?.Report(new SdkDocsProgress(++done, files.Count, bytes += file.Length, total));
                return found;
            });
            try
            {
                foreach (var text in parsed.SelectMany(found => found).AsSequential())
                {
                    texts++;
                    if (!seen.Add(text)) continue;
                    var utf8 = Encoding.UTF8.GetBytes(text);
                    textBytes += utf8.Length;
                    var heldOut = IsHeldOut(utf8, options.HeldOut);
                    if (heldOut) valid++;
                    else train++;
                    WriteLine((heldOut ? validFile : trainFile).Stream, utf8);
                }
            }
            catch (AggregateException error) when (error.Flatten().InnerExceptions is [DataException first, ..])
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
            }
            if (valid == 0 || train == 0)
                throw new DataException(root, $"{seen.Count} texts, of which {valid} were held out", "both parts must have some",
                    "choose another held-out share");
            trainFile.Complete();
            validFile.Complete();
        }
        return new SdkDocsResult(root, files.Count, total, texts, seen.Count, textBytes, train, valid, clock.Elapsed);
    }

    // A text falls the same way in every SDK and on every machine.
    private static bool IsHeldOut(byte[] text, double share)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(text, hash);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(hash) < share * (uint.MaxValue + 1.0);
    }

    private static void WriteLine(Stream stream, byte[] text)
    {
        try
        {
            stream.Write("{\"text\": \""u8);
            stream.Write(JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
            stream.Write("\"}\n"u8);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(((FileStream)stream).Name, "write", error);
        }
    }
}
