namespace Evo.Data;

/// <summary>What is tokenized, and how.</summary>
public sealed record TokenizeOptions
{
    /// <summary>Files of any format that <see cref="DocumentFile.Open"/> knows, read one after the other.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The .bin file; its .meta is made beside it.</summary>
    public required string Output { get; init; }

    /// <summary>The field or column that holds the text.</summary>
    public string Field { get; init; } = "text";

    /// <summary>What a document of a .txt file is.</summary>
    public TextUnit Unit { get; init; } = TextUnit.Line;

    /// <summary>
    /// The template of conversations (<see cref="ChatTemplate.Names"/>), which are then what the inputs hold, one a JSON object; null for text.
    /// </summary>
    public string? Template { get; init; }

    /// <summary>The most tokens of a conversation, whose rest is cut off; 0 for any number.</summary>
    public int MaxTokens { get; init; }

    /// <summary>Whether each document begins with the begin token, as InternEvo's tool has it.</summary>
    public bool AddBos { get; init; } = true;

    /// <summary>Whether each document ends with the end token, as InternEvo's tool has it.</summary>
    public bool AddEos { get; init; } = true;

    /// <summary>Threads that encode; 0 for as many as there are processors. The output does not depend on it.</summary>
    public int Workers { get; init; }

    /// <summary>About how many bytes of text a worker takes at once. The output does not depend on it.</summary>
    public int BlockBytes { get; init; } = 1 << 20;

    /// <summary>How often the finished part is made safe, so that a run that is stopped or killed goes on from there. Shorter runs leave nothing.</summary>
    public TimeSpan KeepEvery { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>How far tokenizing is, earlier runs that it goes on from included.</summary>
/// <param name="Bytes">Bytes of input files passed, as they lie on the disk.</param>
/// <param name="TotalBytes">Bytes of all input files.</param>
/// <param name="Elapsed">Time of this run.</param>
public sealed record TokenizeProgress(long Bytes, long TotalBytes, long Documents, long Tokens, TimeSpan Elapsed)
{
    /// <summary>Documents that an earlier run had finished.</summary>
    public long DocumentsBefore { get; init; }

    /// <summary>Bytes of text that this run has tokenized.</summary>
    public long TextBytes { get; init; }

    /// <summary>Megabytes of text a second since the start.</summary>
    public double MegabytesPerSecond => Elapsed > TimeSpan.Zero ? TextBytes / 1e6 / Elapsed.TotalSeconds : 0;
}
