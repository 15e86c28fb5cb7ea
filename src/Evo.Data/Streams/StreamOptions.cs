namespace Evo.Data;

/// <summary>How texts become rows while they are read.</summary>
public sealed record StreamOptions
{
    /// <summary>Tokens of a sequence.</summary>
    public required int SeqLen { get; init; }

    /// <summary>Tokens of a row: a whole number of sequences.</summary>
    public required int RowTokens { get; init; }

    /// <summary>How documents are packed: best_fit, cut or unpacked.</summary>
    public string Packing { get; init; } = "best_fit";

    /// <summary>Whether attention keeps to documents.</summary>
    public bool Boundaries { get; init; } = true;

    /// <summary>Documents with fewer tokens are left out, begin and end tokens counted.</summary>
    public int MinLength { get; init; }

    /// <summary>Threads that tokenize; 0 for as many as there are processors. The rows do not depend on it.</summary>
    public int Workers { get; init; }

    /// <summary>Bytes of text after which a block is full; 0 for those of about 64 rows. The rows depend on it.</summary>
    public int BlockBytes { get; init; }
}
