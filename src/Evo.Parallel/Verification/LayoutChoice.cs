using Evo.Core;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace Evo.Parallel.Verification;

/// <summary>Layouts that cannot be tried for the same reason.</summary>
/// <param name="Reason">It.</param>
/// <param name="Count">How many.</param>
/// <param name="Example">One of them.</param>
public sealed record LayoutRefusal(string Reason, int Count, Core.Layout Example);

/// <summary>Which layouts are tried, of all that there are.</summary>
/// <param name="Chosen">Those that are tried.</param>
/// <param name="Legal">How many can run.</param>
/// <param name="Refusals">Those that cannot, by what stands against them.</param>
public sealed record LayoutChoice(IReadOnlyList<Core.Layout> Chosen, int Legal, IReadOnlyList<LayoutRefusal> Refusals)
{
    /// <summary>How many cannot run.</summary>
    public int Refused => Refusals.Sum(refusal => refusal.Count);

    /// <summary>All ways to lay out a model with or without experts on so many ranks.</summary>
    public int Total => Legal + Refused;

    /// <summary>One layout that is known to be legal.</summary>
    public static LayoutChoice One(Core.Layout layout) => new([layout], 1, []);

    /// <summary>
    /// Every layout on 1 to <paramref name="world"/> ranks, or a covering array of them: few layouts in which every pair of
    /// settings occurs that occurs in any.
    /// </summary>
    /// <param name="facts">Of the model.</param>
    /// <param name="law">What may stand against a layout beside the model.</param>
    /// <param name="world">Most ranks.</param>
    /// <param name="every">Whether all are tried.</param>
    public static LayoutChoice Of(ModelFacts facts, ILayoutLaw law, int world, bool every)
    {
        var (legal, refused) = (new List<Core.Layout>(), new List<(string Reason, Core.Layout Layout)>());

        // What any model allows is counted, so that the model's own refusals are seen.
        foreach (var layout in Layouts.enumerate(ModelFacts.Any(LayoutCase.MostLayers(world), facts.Experts), world))
        {
            var problems = Legality.problems(facts, layout);
            if (!problems.IsEmpty)
            {
                refused.Add((problems.Head.ToString(), layout));
            }
            else if (Layouts.canonical(facts, layout).Equals(layout))
            {
                // Those that run as a plainer one does are that one.
                if (law.Refuses(layout) is { } reason)
                {
                    refused.Add((reason, layout));
                }
                else
                {
                    legal.Add(layout);
                }
            }
        }

        IReadOnlyList<Core.Layout> chosen = every
            ? legal
            : [.. Covering.cheapArray(2, FuncConvert.FromFunc<Core.Layout, double>(Cost), ListModule.OfSeq(legal), Layouts.axes)];
        return new(chosen, legal.Count, [.. refused
            .GroupBy(r => r.Reason)
            .Select(same => new LayoutRefusal(same.Key, same.Count(), same.First().Layout))
            .OrderByDescending(refusal => refusal.Count).ThenBy(refusal => refusal.Reason, StringComparer.Ordinal)]);
    }

    // Passes of layers, on all ranks together.
    private static double Cost(Core.Layout layout) => (double)layout.Degrees.World * layout.MicroBatches * LayoutCase.Of(layout).Layers;
}
