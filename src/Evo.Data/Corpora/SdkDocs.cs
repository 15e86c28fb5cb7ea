using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Text;

namespace Evo.Data;

/// <summary>What is extracted, and how it is split.</summary>
public sealed record SdkDocsOptions
{
    /// <summary>The folder of a .NET SDK (the one with <c>packs</c> in it); found when null.</summary>
    public string? Root { get; init; }

    /// <summary>The share of documents that go into the held-out file; 0 writes none.</summary>
    public double HeldOut { get; init; } = 0.02;

    /// <summary>Shorter texts are left out: they say nothing ("Gets.").</summary>
    public int MinCharacters { get; init; } = 16;

    /// <summary>At most so many documents, drawn evenly over all; 0 for all.</summary>
    public long MaxDocuments { get; init; }
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
        var clock = Stopwatch.StartNew();
        using var split = new HeldOutSplit(options.HeldOut, trainPath, validPath);
        var (root, files) = SdkDocsFolders.Find(options.Root);
        var total = files.Sum(file => file.Length);
        var (done, bytes) = (0, 0L);
        var gate = new Lock();
        var texts = 0L;
        var distinct = new List<string>();
        var parsed = files.AsParallel().AsOrdered().WithMergeOptions(ParallelMergeOptions.NotBuffered).WithCancellation(stop).Select(file =>
        {
            var found = DocText.Read(file.FullName, options.MinCharacters);
            lock (gate) progress?.Report(new SdkDocsProgress(++done, files.Count, bytes += file.Length, total));
            return found;
        });
        try
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var text in parsed.AsEnumerable().SelectMany(found => found))
            {
                texts++;
                if (seen.Add(text)) distinct.Add(text);
            }
        }
        catch (AggregateException error) when (error.Flatten().InnerExceptions is [DataException first, ..])
        {
            ExceptionDispatchInfo.Throw(first);
        }
        foreach (var text in Drawn(distinct, options.MaxDocuments)) split.Add(text);
        split.Complete(root);
        return new SdkDocsResult(root, files.Count, total, texts, split.Distinct, split.TextBytes, split.Train, split.Valid, clock.Elapsed);
    }

    // The texts with the lowest hashes, in their order: an even draw, and a smaller one is part of a larger one.
    private static IEnumerable<string> Drawn(List<string> texts, long most)
    {
        if (most <= 0 || texts.Count <= most) return texts;
        var hashes = texts.Select(text => (ulong)HeldOutSplit.Hash(Encoding.UTF8.GetBytes(text))).ToList(); // not the half that splits
        var limit = hashes.Order().ElementAt((int)most);
        return texts.Where((_, i) => hashes[i] < limit);
    }
}
