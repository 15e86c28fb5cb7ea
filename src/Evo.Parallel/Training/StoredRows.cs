using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>Rows of token files, any of which is found at once: the plan says what a row holds, the order which row stands where.</summary>
internal sealed class StoredRows : IRowLine
{
    private readonly TokenDataset set;
    private readonly RowReader reader;
    private readonly RowOrder order;
    private readonly JoinedRows plan;

    /// <param name="config">The run.</param>
    /// <param name="folder">Its token files; not read where the data is made up.</param>
    /// <param name="vocabSize">Entries of the model's vocabulary.</param>
    /// <param name="rowsPerStep">Rows of a step, over all ranks.</param>
    /// <param name="rampUpRows">Rows of all steps before a ramp-up is over.</param>
    /// <exception cref="DataException">A file is missing or damaged, or there are too few rows.</exception>
    internal StoredRows(RunConfig config, string folder, int vocabSize, int rowsPerStep, long rampUpRows)
    {
        var data = config.Data;
        var sources = data.Mixture.Select(text => MixtureSource.TryParse(text)!.Value).ToList();
        set = Open(data, folder, sources, vocabSize);
        try
        {
            var (seed, lengths, asInternEvo) = ((ulong)config.Seed, ConfiguredRows.Lengths(set, data), data.Order == "internevo");
            plan = asInternEvo
                ? ConfiguredRows.Rows(data, data.RowPacking, set.Files, range => DocumentStream.AsInternEvo(lengths, range.First, range.Count))
                : ConfiguredRows.Rows(data, data.RowPacking, set.Sources, range => DocumentStream.Shuffled(lengths, range.First, range.Count, Seeds.Of(seed, "documents")));
            var needed = asInternEvo ? Math.Max(rowsPerStep, rampUpRows) : 1;
            ConfiguredRows.RequireRows(set, plan, needed, "data.train_folder");
            reader = new(set, plan);
            order = asInternEvo ? new InternEvoOrder((uint)config.Seed, checked((int)plan.Rows), rowsPerStep, rampUpRows)
                : sources.Count > 0 ? Mixed(seed, sources)
                : new DataOrder(seed, plan.Rows, 1);
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    public long Tokens => set.Tokens;

    public long Rows => plan.Rows;

    public double Padding => 1 - (double)plan.Tokens / ((double)plan.Rows * plan.RowTokens);

    public IReadOnlyList<string> Types => set.Types;

    public DataFingerprint Fingerprint => set.Fingerprint;

    public int Place(int rank, int ranks, int microBatch, int microBatches) => order.Place(rank, ranks, microBatch, microBatches);

    public TokenRow At(long position) => reader.Read(order.RowAt(position));

    public IEnumerable<TokenRow> Once()
    {
        for (long row = 0; row < Rows; row++)
        {
            yield return reader.Read(row);
        }
    }

    public void Dispose() => set.Dispose();

    private static TokenDataset Open(DataConfig data, string folder, List<MixtureSource> sources, int vocabSize) =>
        data.Type == "dummy" ? TokenDataset.Of("dummy", new DummyFile(data.SeqLen, data.FixedRandomDatasetSeqlen, vocabSize))
        : sources.Count == 0 ? TokenDataset.Open(folder, vocabSize)
        : TokenDataset.Open(folder, [.. sources.Select(source => new DataSource(source.Name, Path.Combine(folder, source.Path)))], vocabSize);

    // Each source has an order of its own, and reads all its rows before it reads one again.
    private MixedOrder Mixed(ulong seed, List<MixtureSource> sources)
    {
        var firsts = sources.Select((_, source) => plan.FirstRow(source)).Append(plan.Rows).ToArray();
        for (var source = 0; source < sources.Count; source++)
        {
            if (firsts[source] == firsts[source + 1])
            {
                throw new DataException(
                    Path.Combine(set.Path, sources[source].Path), $"{set.Sources[source].Count} documents that fill no row",
                    $"each source of data.mixture must fill a row of {plan.RowTokens} tokens", "give it more text, or take it out of the mixture");
            }
        }

        return new(
            Mixture.Of(sources.Select(source => source.Weight)),
            [.. sources.Select((_, source) => new DataOrder(seed, firsts[source + 1] - firsts[source], 1))],
            firsts);
    }
}
