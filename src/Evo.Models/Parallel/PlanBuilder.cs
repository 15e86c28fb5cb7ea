namespace Evo.Models;

/// <summary>Collects a plan; emitted code fills it.</summary>
/// <param name="degrees">The mode that is planned; its degree decides only how a table of embeddings is cut.</param>
public sealed class PlanBuilder(ModeDegrees degrees)
{
    private readonly List<CollectiveSite> sites = [];
    private readonly List<DegreeLimit> limits = [];
    private readonly List<(int?, string)> weights = [];
    private readonly List<ValueLife> values = [];
    private readonly List<(int?, string)> blocks = [];
    private HeadSize? head;
    private int? layer;

    /// <summary>The mode that is planned.</summary>
    public ParallelMode Mode => degrees.Mode;

    /// <summary>What was collected.</summary>
    public ModePlan Done => new(Mode, sites, [.. limits.Distinct()], weights, values, blocks, head);

    /// <summary>As <see cref="RankContext.NoTp"/>.</summary>
    public bool NoTp => degrees.NoTp;

    /// <summary>As <see cref="RankContext.SplitsHidden"/>.</summary>
    public bool SplitsHidden(bool tied, long width) => degrees.SplitsHidden(tied, width);

    /// <summary>What follows belongs to a layer.</summary>
    public void Enter(int index) => layer = index;

    /// <summary>What follows is of the record of that name.</summary>
    public void Block(string record) => blocks.Add((layer, record));

    /// <summary>Adds a place where ranks talk.</summary>
    public void Site(
        int number, string collective, string axis, string from, string to, string of, bool isWeight, Polynomial size, string makes = "",
        long? onlyBelow = null, bool again = false, bool inTraining = true, NumberType type = NumberType.Compute) =>
        sites.Add(new(number, collective, axis, from, to, of, isWeight, layer, size)
        {
            Makes = makes,
            OnlyBelow = onlyBelow,
            Again = again,
            InTraining = inTraining,
            Type = type,
        });

    /// <summary>Adds a size that the degree must suit.</summary>
    public void Limit(string size, long value, bool orMultiple, string because) => limits.Add(new(size, value, orMultiple, because));

    /// <summary>Adds the use of a part's weight.</summary>
    public void Weight(string part) => weights.Add((layer, part));

    /// <summary>
    /// A rank's share of so many units, at least one: a plain quotient where the limits that were added leave no degree with fewer
    /// units than ranks.
    /// </summary>
    public Polynomial Share(long units) =>
        limits.Any(l => !l.OrMultiple && l.Value <= units) ? units / Polynomial.Tensor : Polynomial.Share(units);

    /// <summary>So many units, or one for each rank where there are fewer.</summary>
    public Polynomial Spread(long units) => limits.Any(l => !l.OrMultiple && l.Value <= units) ? units : Polynomial.Spread(units);

    /// <summary>Adds a value.</summary>
    public void Value(
        string name, int first, int last, Polynomial size, string placement, string shape, string operation, string[] from, string detail = "",
        long width = 1, (Polynomial, long, long)? mixture = null) =>
        values.Add(new(name, layer, first, last, size)
        {
            Placement = placement,
            Shape = shape,
            Operation = operation,
            From = from,
            Detail = detail,
            Width = width,
            Mixture = mixture,
        });

    /// <summary>Says what the head is.</summary>
    public void Head(long rows, long width, bool unitRows) => head = new(rows, width, unitRows);
}
