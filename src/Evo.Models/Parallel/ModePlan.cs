namespace Evo.Models;

/// <summary>A size that a degree of parallelism must suit.</summary>
/// <param name="Size">As the record calls it.</param>
/// <param name="Value">Its number.</param>
/// <param name="OrMultiple">Whether a multiple of it is right too.</param>
/// <param name="Because">What it is.</param>
public sealed record DegreeLimit(string Size, long Value, bool OrMultiple, string Because)
{
    /// <summary>Whether a degree suits it.</summary>
    public bool Allows(long degree) => Value % degree == 0 || (OrMultiple && degree % Value == 0);
}

/// <summary>What one mode of a model sends, holds and asks for: emitted as data, read by planners, inspection and tests.</summary>
/// <param name="Mode">The mode.</param>
/// <param name="Sites">Every place where ranks talk, in order, layer by layer.</param>
/// <param name="Limits">What the degree must suit.</param>
/// <param name="Weights">Parts in the order in which their weights are used, layer by layer: what is prefetched.</param>
/// <param name="Values">Every value and its life: the data flow of the model, then of each layer.</param>
/// <param name="Blocks">The records whose forwards these are: the model's, and each layer's.</param>
/// <param name="Head">The end of the model.</param>
public sealed record ModePlan(
    ParallelMode Mode, IReadOnlyList<CollectiveSite> Sites, IReadOnlyList<DegreeLimit> Limits,
    IReadOnlyList<(int? Layer, string Part)> Weights, IReadOnlyList<ValueLife> Values,
    IReadOnlyList<(int? Layer, string Record)> Blocks, HeadSize? Head = null)
{
    /// <summary>The degrees of the tensor axis up to <paramref name="most"/> under which the mode can run.</summary>
    public IReadOnlyList<int> Degrees(int most) => [.. Enumerable.Range(1, most).Where(d => Limits.All(l => l.Allows(d)))];

    /// <summary>Every degree under which the mode can run; on one device there is one.</summary>
    /// <remarks>A size that a degree must divide bounds the degrees; a mode without such a size has no bound, and those up to 64 are listed.</remarks>
    public IReadOnlyList<int> Legal => Mode == ParallelMode.Serial
        ? [1]
        : Degrees((int)Limits.Where(l => !l.OrMultiple).Select(l => l.Value).DefaultIfEmpty(64).Min());

    /// <summary>What stands against a degree, in one line each, with every degree that would do.</summary>
    public IReadOnlyList<string> Problems(int degree)
    {
        if (degree < 1)
            return [$"a model is split at least 1 way, not {degree}"];
        var legal = new Lazy<string>(() => Spoken(Legal));
        return [.. Limits.Where(l => !l.Allows(degree)).Select(l => $"{l.Because} ({l.Size} = {l.Value}) do not split {degree} ways; use {legal.Value}").Distinct()];
    }

    private static string Spoken(IReadOnlyList<int> degrees) =>
        degrees.Count < 2 ? string.Concat(degrees) : $"{string.Join(", ", degrees.SkipLast(1))} or {degrees[^1]}";
}
