namespace Evo.Parallel.Verification;

/// <summary>What was found about one layout.</summary>
/// <param name="Layout">It.</param>
/// <param name="Error">The largest error; NaN where nothing could be compared.</param>
/// <param name="Where">The quantity with the largest error.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record LayoutVerdict(Core.Layout Layout, double Error, string Where, double Seconds)
{
    /// <summary>The first quantity, in the order of computation, that is off by more than is allowed; null where none is.</summary>
    public Divergence? First { get; init; }

    /// <summary>Quantities whose replicas have not equal bits.</summary>
    public IReadOnlyList<string> Unequal { get; init; } = [];

    /// <summary>How many quantities were compared.</summary>
    public int Compared { get; init; }

    /// <summary>Why it did not run to its end; null where it did.</summary>
    public string? Failure { get; init; }

    /// <summary>Whether the layout gives what it should.</summary>
    public bool Holds => Failure is null && First is null && Unequal.Count == 0 && Compared > 0;

    /// <summary>A layout whose ranks failed.</summary>
    public static LayoutVerdict Failed(Core.Layout layout, Exception error, double seconds) => new(layout, double.NaN, "", seconds)
    {
        Failure = (error.InnerException is null or OperationCanceledException ? error.Message : $"{error.Message} {error.InnerException.Message}").ReplaceLineEndings(" "),
    };
}

/// <summary>Something that a layout is held against.</summary>
public interface ILayoutLaw
{
    /// <summary>What it is held against, in a few words.</summary>
    string Against { get; }

    /// <summary>Why this law cannot be asked of a layout that the model allows; null where it can.</summary>
    string? Refuses(Core.Layout layout);

    /// <summary>Runs a layout.</summary>
    LayoutVerdict Try(Core.Layout layout);
}
