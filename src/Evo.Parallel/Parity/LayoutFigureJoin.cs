using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What one rank knows of a step.</summary>
public sealed record RankStep(double Loss, double? RouterLoss, double Norm, IReadOnlyList<HeldPiece> Gradients, IReadOnlyList<HeldPiece> Parameters);

/// <summary>What one rank knows of a run.</summary>
public sealed record RankFigures(int Rank, IReadOnlyList<RankStep> Steps);

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
            Same("loss", all.Select(step => new[] { step.Loss, step.RouterLoss ?? 0, step.Norm }), unequal);
            return new StepQuantities(
                all[0].Loss, all[0].RouterLoss, all[0].Norm,
                Wholes("gradient of ", all.SelectMany(step => step.Gradients), unequal),
                Wholes("", all.SelectMany(step => step.Parameters), unequal));
        }).ToList();
        return new(steps, [.. unequal.Distinct()]);
    }

    private static Dictionary<string, double[]> Wholes(string what, IEnumerable<HeldPiece> pieces, List<string> unequal) =>
        pieces.GroupBy(piece => piece.Info.Name).ToDictionary(
            held => held.Key,
            held =>
            {
                using var scope = NewDisposeScope();
                return (double[])[.. Whole(what + held.Key, [.. held], 0, unequal).contiguous().data<double>()];
            });

    // Puts the cuts together from the first on; shares at equal places of all of them are copies.
    private static Tensor Whole(string quantity, IReadOnlyList<HeldPiece> held, int cut, List<string> unequal)
    {
        if (cut == held[0].Cuts.Count)
        {
            Same(quantity, held.Select(piece => piece.Values), unequal);
            return tensor(held[0].Values).view(held[0].Shape);
        }

        var places = held.GroupBy(piece => piece.Cuts[cut].Place).OrderBy(place => place.Key);
        return Models.Layout.Whole(held[0].Cuts[cut].Cut, [.. places.Select(place => Whole(quantity, [.. place], cut + 1, unequal))]);
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
