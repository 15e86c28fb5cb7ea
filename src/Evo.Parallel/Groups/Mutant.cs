using Evo.Torch;
using TorchSharp;

namespace Evo.Parallel;

/// <summary>A mistake that emitted code could have at one collective.</summary>
public enum Mutation
{
    /// <summary>Nothing is sent: each rank goes on with its own data, in the right shape.</summary>
    Delete,

    /// <summary>A sum is done twice.</summary>
    Double,

    /// <summary>A sum is an average.</summary>
    AverageForSum,

    /// <summary>A neighbouring kind: the largest for a sum, zero padding for a gather, the own slice repeated for an all-to-all.</summary>
    WrongKind,

    /// <summary>Another dimension, the result brought into the right shape.</summary>
    WrongDim,

    /// <summary>The ranks in rotated order.</summary>
    WrongOrder,

    /// <summary>The group of another axis.</summary>
    WrongAxis,
}

/// <summary>The directions in which a mutant is one.</summary>
public enum MutantDirection
{
    /// <summary>Forward and backward.</summary>
    Both,

    /// <summary>The backward is as it should be.</summary>
    ForwardOnly,

    /// <summary>The forward is as it should be.</summary>
    BackwardOnly,
}

/// <summary>One mistake at one site.</summary>
/// <param name="Site">Number of the site.</param>
/// <param name="Axis">Axis of the group whose collective there is changed.</param>
/// <param name="Mutation">The mistake.</param>
/// <param name="Direction">Where it is made.</param>
/// <param name="Operation">The one operation there that is changed (a site may have two in one direction); null: all.</param>
public sealed record Mutant(int Site, string Axis, Mutation Mutation, MutantDirection Direction, GroupOperation? Operation = null)
{
    /// <summary>Whether this call is to be changed.</summary>
    public bool Concerns(GroupCall call) =>
        call.Site.Number == Site && call.Axis == Axis && (Operation is null || Operation == call.Operation)
        && (Direction == MutantDirection.Both || call.Site.Backward == (Direction == MutantDirection.BackwardOnly))
        && Applicable(call).Contains(Mutation);

    /// <summary>
    /// Every mutant of the calls that one rank recorded: each site, each mistake that can be made at an operation there, in
    /// one direction alone and, where it can be made in both, in both.
    /// </summary>
    public static IReadOnlyList<Mutant> Of(IEnumerable<GroupCall> calls)
    {
        var mutants = new List<Mutant>();
        foreach (var site in calls.GroupBy(call => (call.Site.Number, call.Axis)))
        {
            foreach (var mutation in Enum.GetValues<Mutation>())
            {
                var found = site.Where(call => Applicable(call).Contains(mutation))
                    .Select(call => (call.Site.Backward, call.Operation)).Distinct().ToArray();
                mutants.AddRange(found.Select(f => new Mutant(
                    site.Key.Number, site.Key.Axis, mutation, f.Backward ? MutantDirection.BackwardOnly : MutantDirection.ForwardOnly, f.Operation)));
                if (found.Select(f => f.Backward).Distinct().Count() == 2)
                {
                    mutants.Add(new(site.Key.Number, site.Key.Axis, mutation, MutantDirection.Both));
                }
            }
        }

        return mutants;
    }

    /// <summary>
    /// The mistakes that change something at such a call; all ranks give the same answer. WrongAxis is not among them for
    /// what has a shape of the group's size: another axis may have another.
    /// </summary>
    public static IReadOnlyList<Mutation> Applicable(GroupCall call)
    {
        var sums = call.Reduction == ReduceOperation.Sum;
        var floating = call.Dtype is { } type && torch.is_floating_point(type);
        var even = call.Parts is { Count: > 0 } parts && parts.All(part => part == parts[0]);
        return call.Size == 1 ? [] : call.Operation switch
        {
            GroupOperation.AllReduce => sums
                ? [Mutation.Delete, Mutation.Double, .. Only(floating, Mutation.AverageForSum), Mutation.WrongKind, Mutation.WrongAxis]
                : [Mutation.Delete, Mutation.WrongKind, Mutation.WrongAxis],
            GroupOperation.AllGather =>
                [Mutation.Delete, Mutation.WrongKind, .. Only(OtherDim(call) is not null, Mutation.WrongDim), Mutation.WrongOrder],
            GroupOperation.ReduceScatter =>
            [
                Mutation.Delete, .. Only(sums, Mutation.Double), .. Only(sums && floating, Mutation.AverageForSum), Mutation.WrongKind,
                .. Only(even && OtherDim(call) is not null, Mutation.WrongDim), .. Only(even, Mutation.WrongOrder),
            ],
            GroupOperation.AllToAll =>
            [
                Mutation.Delete, Mutation.WrongKind, .. Only(OtherDim(call) is not null, Mutation.WrongDim),
                .. Only(call.Shape[call.Dim!.Value] % call.Size == 0, Mutation.WrongOrder),
            ],
            GroupOperation.AllToAllRows => [Mutation.Delete, Mutation.WrongOrder],
            GroupOperation.Broadcast => [Mutation.Delete, Mutation.WrongOrder],
            GroupOperation.Receive => [Mutation.Delete],
            _ => [],
        };
    }

    /// <summary>
    /// Another dimension that could be taken by mistake so that the elements come to lie elsewhere; null where there is none.
    /// Gathering along two dimensions between which all sizes are one gives the same memory.
    /// </summary>
    internal static int? OtherDim(GroupCall call)
    {
        for (var dim = call.Shape.Count - 1; dim >= 0; dim--)
        {
            if (dim == call.Dim || dim == call.ConcatDim)
            {
                continue;
            }

            var divides = call.Shape[dim] >= call.Size && call.Shape[dim] % call.Size == 0;
            int low = Math.Min(dim, call.Dim!.Value), high = Math.Max(dim, call.Dim.Value);
            if (call.Operation switch
            {
                GroupOperation.AllGather => call.Shape.Skip(low).Take(high - low).Aggregate(1L, (product, size) => product * size) > 1,
                GroupOperation.ReduceScatter => divides,
                _ => divides && call.Shape[call.Dim.Value] % call.Size == 0,
            })
            {
                return dim;
            }
        }

        return null;
    }

    private static Mutation[] Only(bool condition, Mutation mutation) => condition ? [mutation] : [];
}
