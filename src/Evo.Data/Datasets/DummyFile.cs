using System.Security.Cryptography;
using System.Text;
using Evo.Core;

namespace Evo.Data;

/// <summary>
/// Made-up documents, for a run that needs no data: InternEvo's, which it trains on where no folder is given. Document i is
/// <c>n, r</c> and then r times 0, 1 … n-1, with n from 1 to 29 and r from 10 to 199 drawn by <c>RandomState(1999)</c>; r is
/// doubled until the document fills a sequence, and the document is cut there. A model learns to count.
/// </summary>
public sealed class DummyFile : TokenizedFile
{
    private readonly byte[] periods, repeats;
    private readonly int seqLen;

    /// <summary>Makes the documents.</summary>
    /// <param name="seqLen">Most tokens of a document.</param>
    /// <param name="fill">Whether every document is that long, as InternEvo's <c>fixed_random_dataset_seqlen</c> says.</param>
    /// <param name="vocabSize">When given, all ids must be smaller.</param>
    /// <param name="count">Documents; InternEvo has a million.</param>
    /// <exception cref="DataException">The vocabulary is too small for the numbers in the documents.</exception>
    public DummyFile(int seqLen, bool fill = true, int? vocabSize = null, int count = 1_000_000)
    {
        this.seqLen = seqLen;
        Fills = fill;
        var random = new RandomState(1999);
        periods = Draw(random, 1, 30, count);
        repeats = Draw(random, 10, 200, count);
        var largest = seqLen < 2 ? periods.Max() : Enumerable.Range(0, count).Max(Repeats);
        if (largest >= vocabSize)
            throw new DataException(Path, $"token id {largest}", $"the vocabulary has {vocabSize} tokens, so ids are below {vocabSize}",
                $"set model.vocab_size to {largest + 1} or more, or make data.seq_len smaller");
    }

    /// <summary>Whether every document is as long as a sequence.</summary>
    public bool Fills { get; }

    /// <inheritdoc/>
    public override string Path => "dummy data";

    /// <inheritdoc/>
    public override long FileBytes => 0;

    /// <inheritdoc/>
    public override int DocumentCount => periods.Length;

    /// <inheritdoc/>
    public override bool LearnsZero => false;

    /// <inheritdoc/>
    public override int Length(int document) => (int)Math.Min(seqLen, 2L + (long)periods[document] * Repeats(document));

    /// <inheritdoc/>
    public override void Read(int document, int from, Span<int> ids)
    {
        RequireInside(document, from, ids.Length);
        for (var i = 0; i < ids.Length; i++)
            ids[i] = (from + i) switch { 0 => periods[document], 1 => Repeats(document), var at => (at - 2) % periods[document] };
    }

    /// <inheritdoc/>
    public override void AppendTableTo(IncrementalHash hash) => hash.AppendData(Encoding.ASCII.GetBytes($"{DocumentCount} {seqLen} {Fills}"));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }

    private int Repeats(int document)
    {
        var repeats = (int)this.repeats[document];
        while (Fills && (long)repeats * periods[document] < seqLen) repeats *= 2;
        return repeats;
    }

    private static byte[] Draw(RandomState random, int low, int high, int count)
    {
        var numbers = new byte[count];
        for (var i = 0; i < count; i++) numbers[i] = (byte)random.RandInt(low, high);
        return numbers;
    }
}
