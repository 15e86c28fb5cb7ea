namespace Evo.Parallel;

/// <summary>
/// A world of local ranks came to an end: a rank threw, ranks called different operations, one left while others waited for
/// it, or all waited. Every other rank ends with this exception, too, at the operation where it was or at its next one.
/// </summary>
public sealed class LocalWorldException : Exception
{
    internal LocalWorldException(string message, int? rank, Exception? inner)
        : base(message, inner) => Rank = rank;

    /// <summary>The global rank that is to blame; null where it is not one alone.</summary>
    public int? Rank { get; }
}
