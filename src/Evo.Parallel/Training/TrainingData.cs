using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>Where a run's data is.</summary>
/// <param name="TrainFolder">Token files to train on.</param>
/// <param name="ValidFolder">Token files held out; null: no validation.</param>
/// <param name="TokenizerPath">The sentencepiece model that made them; null where none is known.</param>
public sealed record DataPlaces(string TrainFolder, string? ValidFolder, string? TokenizerPath);

/// <summary>
/// The rows of a run: which rows a step reads is a function of (seed, step), and any row is found at once. Opening reads the
/// tables of documents only, no tokens.
/// </summary>
internal sealed class TrainingData : IDisposable
{
    private readonly TokenDataset train;
    private readonly TokenDataset? valid;
    private readonly RowReader trainRows;
    private readonly RowReader? validRows;
    private readonly DataOrder order;
    private readonly (int Rank, int Ranks) share;
    private readonly RampUp? rampUp;
    private readonly int rowTokens;

    /// <exception cref="DataException">A folder or file is missing or damaged, or holds less than one row.</exception>
    /// <param name="config">The run.</param>
    /// <param name="places">Where its data is.</param>
    /// <param name="vocabSize">Entries of the model's vocabulary.</param>
    /// <param name="rank">This rank's place among the data-parallel ranks.</param>
    /// <param name="ranks">Data-parallel ranks: each reads its own part of a step's rows.</param>
    internal TrainingData(RunConfig config, DataPlaces places, int vocabSize, int rank = 0, int ranks = 1)
    {
        var data = config.Data;
        share = (rank, ranks);
        rowTokens = data.RowTokens;
        MicroBatches = config.MicroBatchesOn(ranks);
        train = TokenDataset.Open(places.TrainFolder, vocabSize);
        try
        {
            var seed = (ulong)config.Seed;
            trainRows = new(train, Pack(train, config, shuffle: true));
            RequireRow(trainRows, train, "data.train_folder", data.RowTokens);
            order = new(seed, trainRows.Rows, MicroBatches * ranks);
            rampUp = RampUp.TryParse(data.RampupBatchSize)?.Value;
            if (places.ValidFolder is { } folder)
            {
                valid = TokenDataset.Open(folder, vocabSize);
                validRows = new(valid, Pack(valid, config, shuffle: false));
                RequireRow(validRows, valid, "data.valid_folder", data.RowTokens);
                ValidRowCount = data.ValidRows > 0 ? Math.Min(data.ValidRows, validRows.Rows) : validRows.Rows;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Tokens of the training documents.</summary>
    internal long Tokens => train.Tokens;

    /// <summary>Rows of one epoch.</summary>
    internal long Rows => trainRows.Rows;

    /// <summary>Held-out rows that a validation reads; 0 without validation data.</summary>
    internal long ValidRowCount { get; }

    /// <summary>Which data this is.</summary>
    internal DataFingerprint Fingerprint => train.Fingerprint;

    /// <summary>Micro-batches of a step on each data-parallel rank, at the end of a ramp-up where there is one.</summary>
    internal int MicroBatches { get; }

    /// <summary>The micro-batches of a step that this rank reads: the parts of the ranks stand one after the other in the batch.</summary>
    internal IReadOnlyList<MicroBatch> Batch(long step)
    {
        var (before, count) = rampUp is { } ramp
            ? (ramp.MicroBatchesBefore(step, MicroBatches), ramp.MicroBatchesAt(step, MicroBatches))
            : (step * MicroBatches, MicroBatches);
        var first = (before * share.Ranks) + (share.Rank * count);
        return
        [
            .. Enumerable.Range(0, count).Select(i => MicroBatch.Of(trainRows.Read(order.RowAt(first + i))) with
            {
                FirstToken = ((share.Rank * (long)count) + i) * rowTokens,
            }),
        ];
    }

    /// <summary>
    /// The held-out rows that this rank scores, always the same: every so-manieth, and as many on every rank, the last ones
    /// without labels where there are none left.
    /// </summary>
    internal IEnumerable<MicroBatch> OwnValidRows()
    {
        for (long first = 0; first < ValidRowCount; first += share.Ranks)
        {
            var row = first + share.Rank;
            yield return row < ValidRowCount ? MicroBatch.Of(validRows!.Read(row)) : MicroBatch.Of(validRows!.Read(0)).WithoutLabels();
        }
    }

    /// <summary>The held-out rows, always the same.</summary>
    internal IEnumerable<TokenRow> ValidRows()
    {
        for (long row = 0; row < ValidRowCount; row++)
        {
            yield return validRows!.Read(row);
        }
    }

    /// <summary>Every training row once.</summary>
    internal IEnumerable<TokenRow> TrainRows()
    {
        for (long row = 0; row < Rows; row++)
        {
            yield return trainRows.Read(row);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        train.Dispose();
        valid?.Dispose();
    }

    private static Packing Pack(TokenDataset set, RunConfig config, bool shuffle) => new(
        set.Lengths, config.Data.SeqLen, config.Data.RowTokens, !config.Data.PackSampleIntoOne, config.Data.MinLength, shuffle, (ulong)config.Seed);

    private static void RequireRow(RowReader rows, TokenDataset set, string key, int rowTokens)
    {
        if (rows.Rows == 0)
        {
            throw new DataException(
                set.Path,
                $"{set.Tokens} tokens in {set.DocumentCount} documents",
                $"{key} must fill at least one row of data.seq_len x data.micro_bsz = {rowTokens} tokens",
                "give more text, or make seq_len, micro_bsz or min_length smaller");
        }
    }
}
