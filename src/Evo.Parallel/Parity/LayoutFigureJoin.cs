using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What one rank knows of a step: what it owns of gradients and of updated parameters.</summary>
public sealed record RankStep(double Loss, double? RouterLoss, double ZLoss, double Norm, IReadOnlyList<HeldPiece> Gradients, IReadOnlyList<HeldPiece> Parameters);

/// <summary>What one rank knows of a run.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Steps">What it knows of each step.</param>
/// <param name="Weights">The weights that it would go on with.</param>
public sealed record RankFigures(int Rank, IReadOnlyList<RankStep> Steps, IReadOnlyList<HeldPiece> Weights);

/// <summary>Brings together what ranks know: whole tensors from shares, and whether copies have equal bits.</summary>
public static class LayoutFigureJoin
{
    /// <summary>The figures of a run from those of its ranks.</summary>
    public static LayoutFigures Join(IReadOnlyList<RankFigures> ranks)
    {
        var unequal = new List<string>();
        var steps = Enumerable.Range(0, ranks[0].Steps.Count).Select(s =>
        {
            var all = ranks.Select(rank => rank.Steps[s]).ToList();
            Same("loss", all.Select(step => new[] { step.Loss, step.RouterLoss ?? 0, step.ZLoss, step.Norm }), unequal);
            return new StepQuantities(
                all[0].Loss, all[0].RouterLoss, all[0].ZLoss, all[0].Norm,
                Wholes("gradient of ", all.SelectMany(step => step.Gradients), unequal),
                Wholes("", all.SelectMany(step => step.Parameters), unequal));
        }).ToList();
        var read = Wholes("weights read of ", ranks.SelectMany(rank => rank.Weights), unequal);
        foreach (var (name, owned) in steps[^1].Parameters)
        {
            Same("weights read of " + name, [owned, read.GetValueOrDefault(name, [])], unequal);
        }

        return new(steps, [.. unequal.Distinct()]);
    }

    private static Dictionary<string, double[]> Wholes(string what, IEnumerable<HeldPiece> pieces, List<string> unequal) =>
        pieces.GroupBy(piece => piece.Info.Name).ToDictionary(
            held => held.Key,
            held =>
            {
                var all = held.ToList();
                if (all[0].Cuts.Count == 0)
                {
                    return Share(what + held.Key, all, unequal);
                }

                using var scope = NewDisposeScope();
                return Whole(what + held.Key, all, 0, unequal).contiguous().data<double>().ToArray();
            });

    // Puts the cuts together from the first on; shares at equal places of all of them are copies, or parts of one.
    private static Tensor Whole(string quantity, IReadOnlyList<HeldPiece> held, int cut, List<string> unequal)
    {
        if (cut == held[0].Cuts.Count)
        {
            return tensor(Share(quantity, held, unequal)).view([.. held[0].Shape]);
        }

        var places = held.GroupBy(piece => piece.Cuts[cut].Place).OrderBy(place => place.Key);
        return ParameterLayout.Whole(held[0].Cuts[cut].Cut, [.. places.Select(place => Whole(quantity, [.. place], cut + 1, unequal))]);
    }

    // One share from its parts. Parts may overlap, for two stages that hold one table deal it out differently: what several ranks
    // own must have equal bits.
    private static double[] Share(string quantity, IReadOnlyList<HeldPiece> held, List<string> unequal)
    {
        var whole = new double[held[0].Shape.Aggregate(1L, (product, size) => product * size)];
        var known = new bool[whole.Length];
        foreach (var piece in held)
        {
            for (var i = 0; i < piece.Values.Length; i++)
            {
                var at = piece.Start + i;
                if (known[at] && BitConverter.DoubleToInt64Bits(whole[at]) != BitConverter.DoubleToInt64Bits(piece.Values[i]))
                {
                    unequal.Add(quantity);
                    break;
                }

                (whole[at], known[at]) = (piece.Values[i], true);
            }
        }

        return known.All(k => k)
            ? whole
            : throw new InvalidOperationException($"{quantity}: the ranks hold {known.Count(k => k)} of {whole.Length} elements together");
    }

    private static void Same(string quantity, IEnumerable<double[]> copies, List<string> unequal)
    {
        var first = copies.First();
        if (copies.Any(copy => !copy.AsSpan().SequenceEqual(first)))
        {
            unequal.Add(quantity);
        }
    }
}
