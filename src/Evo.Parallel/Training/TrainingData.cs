using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>Where a run's data is.</summary>
/// <param name="TrainFolder">Token files to train on.</param>
/// <param name="ValidFolder">Token files held out; null: no validation.</param>
/// <param name="TokenizerPath">The tokenizer that made them, a file or a folder; null where none is known.</param>
public sealed record DataPlaces(string TrainFolder, string? ValidFolder, string? TokenizerPath)
{
    /// <summary>All files of the tokenizer.</summary>
    internal IReadOnlyList<string> TokenizerFiles => TokenizerPath is null ? [] : Evo.Data.TokenizerFiles.Of(TokenizerPath);
}

/// <summary>
/// The rows of a run: those of each step, of which a rank reads its share, and the held-out ones. Which rows a step reads does
/// not depend on how many ranks there are.
/// </summary>
internal sealed class TrainingData : IDisposable
{
    private readonly IRowLine train;
    private readonly HeldOutRows? valid;
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
        rampUp = RampUp.TryParse(data.RampupBatchSize)?.Value;
        train = Open(config, places, vocabSize);
        try
        {
            valid = places.ValidFolder is { } folder ? new(data, folder, vocabSize) : null;
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>Tokens of the training documents.</summary>
    internal long Tokens => train.Tokens;

    /// <summary>Rows of one epoch.</summary>
    internal long Rows => train.Rows;

    /// <summary>The part of the training rows that is padding.</summary>
    internal double Padding => train.Padding;

    /// <summary>Held-out rows that a validation reads; 0 without validation data.</summary>
    internal long ValidRowCount => valid?.Count ?? 0;

    /// <summary>Names of the types of training documents.</summary>
    internal IReadOnlyList<string> Types => train.Types;

    /// <summary>Names of the sets of held-out documents.</summary>
    internal IReadOnlyList<string> ValidTypes => valid?.Types ?? [];

    /// <summary>Which data this is.</summary>
    internal DataFingerprint Fingerprint => train.Fingerprint;

    /// <summary>Micro-batches of a step on each data-parallel rank, at the end of a ramp-up where there is one.</summary>
    internal int MicroBatches { get; }

    /// <summary>Data-parallel ranks.</summary>
    internal int Ranks => share.Ranks;

    /// <summary>Rows of a step over all of them, at the end of a ramp-up where there is one.</summary>
    internal int RowsPerStep => MicroBatches * Ranks;

    /// <summary>What a checkpoint keeps to begin with a step, of data that needs more than the step's number.</summary>
    internal StreamCursor? CursorAt(long step) => train.CursorAt(FirstRow(step));

    /// <summary>Goes on with a step.</summary>
    internal void Begin(long step, StreamCursor? cursor)
    {
        if (cursor is { } place)
        {
            train.Begin(FirstRow(step), place);
        }
    }

    /// <summary>The micro-batches of a step that this rank reads.</summary>
    internal IReadOnlyList<MicroBatch> Batch(long step)
    {
        var first = FirstRow(step);
        var count = rampUp?.MicroBatchesAt(step, MicroBatches) ?? MicroBatches;
        return
        [
            .. Enumerable.Range(0, count).Select(i => train.Place(share.Rank, share.Ranks, i, count)).Select(place =>
                MicroBatch.Of(train.At(first + place)) with { FirstToken = place * (long)rowTokens }),
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
            yield return row < ValidRowCount ? MicroBatch.Of(valid!.Read(row)) : MicroBatch.Of(valid!.Read(0)).WithoutLabels();
        }
    }

    /// <summary>The held-out rows, always the same.</summary>
    internal IEnumerable<TokenRow> ValidRows()
    {
        for (long row = 0; row < ValidRowCount; row++)
        {
            yield return valid!.Read(row);
        }
    }

    /// <summary>Every training row once.</summary>
    internal IEnumerable<TokenRow> TrainRows() => train.Once();

    /// <inheritdoc/>
    public void Dispose()
    {
        train.Dispose();
        valid?.Dispose();
    }

    private long FirstRow(long step) => (rampUp?.MicroBatchesBefore(step, MicroBatches) ?? step * MicroBatches) * share.Ranks;

    private IRowLine Open(RunConfig config, DataPlaces places, int vocabSize)
    {
        // Rows of the steps in which a ramp-up is not yet over.
        var rising = rampUp is { } ramp ? (ramp.Levels(MicroBatches).Length - 1) * ramp.Every : 0;
        var rampUpRows = rampUp?.MicroBatchesBefore(rising, MicroBatches) * share.Ranks ?? 0;
        return config.Data.Type switch
        {
            "streaming" => new StreamedRows(config.Data, places, MicroBatches * share.Ranks),
            "mocked" => new ReplayedRows(config.Data, places.TrainFolder, vocabSize, MicroBatches * share.Ranks),
            _ => new StoredRows(config, places.TrainFolder, vocabSize, MicroBatches * share.Ranks, rampUpRows),
        };
    }
}
