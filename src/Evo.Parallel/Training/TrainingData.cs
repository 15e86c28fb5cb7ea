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

    /// <exception cref="DataException">A folder or file is missing or damaged, or holds less than one row.</exception>
    internal TrainingData(RunConfig config, DataPlaces places, int vocabSize)
    {
        var data = config.Data;
        train = TokenDataset.Open(places.TrainFolder, vocabSize);
        try
        {
            var seed = (ulong)config.Seed;
            trainRows = new(train, Pack(train, config, shuffle: true));
            RequireRow(trainRows, train, "data.train_folder", data.RowTokens);
            order = new(seed, trainRows.Rows, data.MicroNum);
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

    /// <summary>The micro-batches of a step.</summary>
    internal IReadOnlyList<MicroBatch> Batch(long step) => [.. order.Batch(step).Select(row => MicroBatch.Of(trainRows.Read(row)))];

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
