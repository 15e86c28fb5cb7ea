using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// The endless line of rows that a run reads: the global batch of each step is the stretch that follows the one before. Which
/// row stands where depends on the data and the configuration, not on ranks, workers, or where a run was resumed.
/// </summary>
internal interface IRowLine : IDisposable
{
    /// <summary>Tokens of the documents.</summary>
    long Tokens { get; }

    /// <summary>Rows after which the line reads the data again; 0 where nobody knows before they are read.</summary>
    long Rows { get; }

    /// <summary>The part of the rows that is padding.</summary>
    double Padding { get; }

    /// <summary>Names of the types of documents; each row holds those of one.</summary>
    IReadOnlyList<string> Types { get; }

    /// <summary>Which data this is.</summary>
    DataFingerprint Fingerprint { get; }

    /// <summary>The place in a step's stretch of one micro-batch of a data-parallel rank that has so many of them.</summary>
    int Place(int rank, int ranks, int microBatch, int microBatches) => rank * microBatches + microBatch;

    /// <summary>The row at a position, from 0. Positions are asked for in rising order.</summary>
    TokenRow At(long position);

    /// <summary>What else than its position is needed to begin with a row; null where that is all. No later row than those of coming steps was asked for.</summary>
    StreamCursor? CursorAt(long position) => null;

    /// <summary>Goes on where a cursor says, with the row at a position.</summary>
    void Begin(long position, StreamCursor cursor)
    {
    }

    /// <summary>Every row once.</summary>
    IEnumerable<TokenRow> Once();
}
