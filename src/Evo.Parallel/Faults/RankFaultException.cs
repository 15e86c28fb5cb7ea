namespace Evo.Parallel;

/// <summary>
/// A run of several processes cannot go on: a rank died, hung, threw, left, or called something else than the others. Every rank
/// ends with this exception; its message, one line, says which rank, at which step and in which collective.
/// </summary>
public sealed class RankFaultException : Exception
{
    internal RankFaultException(string message, int? rank, Exception? inner = null)
        : base(message, inner) => Rank = rank;

    /// <summary>The global rank that is to blame; null where it is not one alone.</summary>
    public int? Rank { get; }
}
