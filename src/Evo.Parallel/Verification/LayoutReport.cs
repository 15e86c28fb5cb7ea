using System.Text.Json.Nodes;
using Evo.Core;

namespace Evo.Parallel.Verification;

/// <summary>A model at many layouts.</summary>
/// <param name="Model">The family's name.</param>
/// <param name="Against">What each layout is held against.</param>
/// <param name="Choice">Which were tried.</param>
/// <param name="Verdicts">What was found, in their order.</param>
public sealed record LayoutReport(string Model, string Against, LayoutChoice Choice, IReadOnlyList<LayoutVerdict> Verdicts)
{
    /// <summary>Tries the layouts one after the other.</summary>
    /// <param name="model">The family's name.</param>
    /// <param name="law">What each is held against.</param>
    /// <param name="choice">The layouts.</param>
    /// <param name="tell">Hears how many are done, and which comes next.</param>
    public static LayoutReport Run(string model, ILayoutLaw law, LayoutChoice choice, Action<int, Core.Layout>? tell = null)
    {
        var verdicts = new List<LayoutVerdict>();
        foreach (var layout in choice.Chosen)
        {
            tell?.Invoke(verdicts.Count, layout);
            verdicts.Add(law.Try(layout));
        }

        return new(model, law.Against, choice, verdicts);
    }

    /// <summary>How many were tried.</summary>
    public int Tried => Verdicts.Count;

    /// <summary>How many do not hold.</summary>
    public int Broken => Verdicts.Count(verdict => !verdict.Holds);

    /// <summary>Whether all hold; trying none proves nothing.</summary>
    public bool Passed => Tried > 0 && Broken == 0;

    /// <summary>The largest error of those that ran to their end.</summary>
    public double LargestError => Verdicts.Where(v => double.IsFinite(v.Error)).Select(v => v.Error).DefaultIfEmpty(0).Max();

    /// <summary>The report for programs.</summary>
    public JsonObject ToJson() => new()
    {
        ["model"] = Model,
        ["against"] = Against,
        ["passed"] = Passed,
        ["tried"] = Tried,
        ["refused"] = Choice.Refused,
        ["total"] = Choice.Total,
        ["legal"] = Choice.Legal,
        ["broken"] = Broken,
        ["largest_error"] = LargestError,
        ["layouts"] = new JsonArray([.. Verdicts.Select(v => (JsonNode)OfVerdict(v))]),
        ["refusals"] = new JsonArray([.. Choice.Refusals.Select(r => (JsonNode)new JsonObject
        {
            ["reason"] = r.Reason,
            ["layouts"] = r.Count,
            ["example"] = r.Example.ToString(),
        })]),
    };

    private static JsonObject OfVerdict(LayoutVerdict v)
    {
        var degrees = v.Layout.Degrees;
        return new()
        {
            ["layout"] = v.Layout.ToString(),
            ["world"] = degrees.World,
            ["mode"] = degrees.Mode.ToString().ToLowerInvariant(),
            ["tensor"] = degrees.Tensor,
            ["weight"] = degrees.Weight,
            ["data"] = degrees.Data,
            ["pipeline"] = degrees.Pipeline,
            ["zero"] = degrees.Zero,
            ["fsdp"] = degrees.Fsdp,
            ["expert"] = degrees.Expert,
            ["no_tp"] = degrees.NoTp,
            ["schedule"] = v.Layout.ScheduleName,
            ["chunks"] = v.Layout.Chunks,
            ["micro_batches"] = v.Layout.MicroBatches,
            ["recompute"] = v.Layout.Recompute,
            ["selective"] = v.Layout.Selective,
            ["reduce"] = v.Layout.Reduction == GradientReduction.AllReduce ? "all_reduce" : "reduce_scatter",
            ["holds"] = v.Holds,
            // JSON has no NaN: what could not be compared has no error but a failure.
            ["error"] = double.IsFinite(v.Error) ? v.Error : null,
            ["where"] = v.Where,
            ["compared"] = v.Compared,
            ["first_diverging"] = v.First is { } first
                ? new JsonObject { ["quantity"] = first.Quantity, ["error"] = double.IsFinite(first.Error) ? first.Error : null }
                : null,
            ["unequal_replicas"] = new JsonArray([.. v.Unequal.Select(quantity => (JsonNode)quantity)]),
            ["failure"] = v.Failure,
            ["seconds"] = Math.Round(v.Seconds, 3),
        };
    }
}
