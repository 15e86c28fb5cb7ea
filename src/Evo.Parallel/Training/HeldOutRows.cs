using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>The rows that a run is validated on, always the same, of every set of held-out data: each type of document is one.</summary>
internal sealed class HeldOutRows : IDisposable
{
    private readonly TokenDataset set;
    private readonly RowReader reader;
    private readonly long[] firstRows; // of each set in the plan, with the number of all rows at the end
    private readonly long[] firsts; // of each set among those that are read, with their number at the end

    /// <param name="data">How rows are made, and how many of each set are read.</param>
    /// <param name="folder">The held-out token files.</param>
    /// <param name="vocabSize">Entries of the model's vocabulary.</param>
    /// <exception cref="DataException">A file is missing or damaged, or holds less than one row.</exception>
    internal HeldOutRows(DataConfig data, string folder, int vocabSize)
    {
        set = TokenDataset.Open(folder, vocabSize);
        try
        {
            // InternEvo validates on its documents as they are, each cut off after seq_len.
            var packing = data.Order == "internevo" && !data.PackSampleIntoOne ? "unpacked" : data.RowPacking;
            var lengths = ConfiguredRows.Lengths(set, data);
            var plan = ConfiguredRows.Rows(data, packing, set.Sources, range => DocumentStream.InOrder(lengths, range.First, range.Count));
            ConfiguredRows.RequireRows(set, plan, 1, "data.valid_folder");
            reader = new(set, plan);
            firstRows = [.. Enumerable.Range(0, set.Sources.Count + 1).Select(plan.FirstRow)];
            firsts = new long[firstRows.Length];
            for (var i = 1; i < firsts.Length; i++)
            {
                var rows = firstRows[i] - firstRows[i - 1];
                firsts[i] = firsts[i - 1] + (data.ValidRows > 0 ? Math.Min(data.ValidRows, rows) : rows);
            }
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Names of the sets.</summary>
    internal IReadOnlyList<string> Types => set.Types;

    /// <summary>Rows that a validation reads.</summary>
    internal long Count => firsts[^1];

    /// <summary>One of them.</summary>
    internal TokenRow Read(long number)
    {
        var of = Array.FindLastIndex(firsts, first => first <= number);
        return reader.Read(firstRows[of] + number - firsts[of]);
    }

    /// <inheritdoc/>
    public void Dispose() => set.Dispose();
}
