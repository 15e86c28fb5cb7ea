namespace Evo.Models;

/// <summary>A place in a forward where ranks talk; its backward is the dual of what it is.</summary>
/// <param name="Number">Its number in the emitted code.</param>
/// <param name="Collective">The algebra's name.</param>
/// <param name="Axis">Mesh axis.</param>
/// <param name="From">Placement before.</param>
/// <param name="To">Placement after.</param>
/// <param name="Of">The value or weight.</param>
/// <param name="IsWeight">Whether it is a weight: then its size does not depend on the tokens.</param>
/// <param name="Layer">Index of the layer, or null outside the layers.</param>
/// <param name="Elements">Numbers of the whole value, given batch and length.</param>
public sealed record CollectiveSite(
    int Number, string Collective, string Axis, string From, string To, string Of, bool IsWeight, int? Layer, Func<long, long, double> Elements);

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

/// <summary>A value of a forward: the statements that make it and read it last, and the numbers that one rank holds of it.</summary>
/// <param name="Name">The emitted local.</param>
/// <param name="Layer">Index of the layer, or null.</param>
/// <param name="First">Statement that makes it.</param>
/// <param name="Last">Last statement that reads it.</param>
/// <param name="Elements">Numbers held, given batch, length and degree.</param>
public sealed record ValueLife(string Name, int? Layer, int First, int Last, Func<long, long, long, double> Elements);

/// <summary>What one mode of a model sends, holds and asks for: emitted as data, read by planners, inspection and tests.</summary>
/// <param name="Mode">The mode.</param>
/// <param name="Sites">Every place where ranks talk, in order, layer by layer.</param>
/// <param name="Limits">What the degree must suit.</param>
/// <param name="Weights">Parts in the order in which their weights are used, layer by layer: what is prefetched.</param>
/// <param name="Values">Every value and its life.</param>
public sealed record ModePlan(
    ParallelMode Mode, IReadOnlyList<CollectiveSite> Sites, IReadOnlyList<DegreeLimit> Limits,
    IReadOnlyList<(int? Layer, string Part)> Weights, IReadOnlyList<ValueLife> Values)
{
    /// <summary>The degrees of the tensor axis up to <paramref name="most"/> under which the mode can run.</summary>
    public IReadOnlyList<int> Degrees(int most) => [.. Enumerable.Range(1, most).Where(d => Limits.All(l => l.Allows(d)))];

    /// <summary>What stands against a degree, in one line each, with every degree that would do.</summary>
    public IReadOnlyList<string> Problems(int degree)
    {
        if (degree < 1)
            return [$"a model is split at least 1 way, not {degree}"];
        // What a degree must divide bounds the degrees.
        var bound = Limits.Where(l => !l.OrMultiple).Select(l => l.Value).DefaultIfEmpty(degree).Min();
        var legal = new Lazy<string>(() => Spoken(Degrees((int)bound)));
        return [.. Limits.Where(l => !l.Allows(degree)).Select(l => $"{l.Because} ({l.Size} = {l.Value}) do not split {degree} ways; use {legal.Value}").Distinct()];
    }

    private static string Spoken(IReadOnlyList<int> degrees) =>
        degrees.Count < 2 ? string.Concat(degrees) : $"{string.Join(", ", degrees.SkipLast(1))} or {degrees[^1]}";
}

/// <summary>Collects a plan; emitted code fills it.</summary>
public sealed class PlanBuilder(ParallelMode mode)
{
    private readonly List<CollectiveSite> sites = [];
    private readonly List<DegreeLimit> limits = [];
    private readonly List<(int?, string)> weights = [];
    private readonly List<ValueLife> values = [];
    private int? layer;

    /// <summary>The mode that is planned.</summary>
    public ParallelMode Mode => mode;

    /// <summary>What was collected.</summary>
    public ModePlan Done => new(mode, sites, [.. limits.Distinct()], weights, values);

    /// <summary>What follows belongs to a layer.</summary>
    public void Enter(int index) => layer = index;

    /// <summary>Adds a place where ranks talk.</summary>
    public void Site(int number, string collective, string axis, string from, string to, string of, bool isWeight, Func<long, long, double> elements) =>
        sites.Add(new(number, collective, axis, from, to, of, isWeight, layer, elements));

    /// <summary>Adds a size that the degree must suit.</summary>
    public void Limit(string size, long value, bool orMultiple, string because) => limits.Add(new(size, value, orMultiple, because));

    /// <summary>Adds the use of a part's weight.</summary>
    public void Weight(string part) => weights.Add((layer, part));

    /// <summary>Adds a value.</summary>
    public void Value(string name, int first, int last, Func<long, long, long, double> elements) => values.Add(new(name, layer, first, last, elements));
}
