// What the routers of a pass said, on its way from stage to stage beside the activations.
using System.Globalization;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// The statistics of all routers of a model in one pass, one row each. A stage adds the rows of its own layers and hands
/// <see cref="Sums"/> on; the last one has all, so that a loss which joins the layers is computed where all are known.
/// </summary>
public sealed class RouterCarry
{
    private readonly CausalLMModule model;
    private readonly IReadOnlyList<Row> rows;
    private readonly Tensor? received;
    private readonly int first, last;
    private readonly List<Tensor> own = [];

    internal RouterCarry(CausalLMModule model, IReadOnlyList<Row> rows, Tensor? received)
    {
        (this.model, this.rows, this.received) = (model, rows, received);
        first = rows.TakeWhile(r => r.Layer < model.Stage.First).Count();
        last = rows.TakeWhile(r => r.Layer < model.Stage.End).Count();
        if (first > 0 && received is null)
            throw new ArgumentNullException(nameof(received), $"a stage of {model.Stage} adds to the statistics of {first} routers before it, and got none");
        if (received is not null && !received.shape.SequenceEqual([rows.Count, Width(rows)]))
            throw new ArgumentException(
                $"statistics of routers are [{rows.Count}, {Width(rows)}] for this model; found [{string.Join(", ", received.shape)}]", nameof(received));
    }

    /// <summary>What is known of one router before any pass.</summary>
    internal sealed record Row(int Layer, int Experts, int TopK);

    /// <summary>Shape of <see cref="Sums"/>, [routers, 3 E + 2]; null for a model without routers. The type is that of <see cref="Type"/>.</summary>
    public static long[]? Shape(CausalLM spec) => Rows(spec.Parameters) is { Count: > 0 } rows ? [rows.Count, Width(rows)] : null;

    /// <summary>The type of the statistics in a model of a type.</summary>
    public static ScalarType Type(ScalarType model) => model == float64 ? float64 : float32;

    /// <summary>
    /// What was received and the rows of this stage, differentiable in both; rows of later layers are zero. A fresh tensor.
    /// </summary>
    public Tensor Sums
    {
        get
        {
            if (own.Count != last - first)
                throw new InvalidOperationException($"{own.Count} routers of {model.Stage} gave statistics, {last - first} are due: RunLayers gives them");
            using var scope = NewDisposeScope();
            var pieces = new List<Tensor>();
            if (first > 0)
                pieces.Add(received!.narrow(0, 0, first));
            pieces.AddRange(own);
            if (last < rows.Count)
                pieces.Add(zeros([rows.Count - last, Width(rows)], Type(model.Options.Dtype), model.Options.Device));
            return cat([.. pieces], 0).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Adds what one router said; they come in the order of the layers.</summary>
    internal void Add(RouterOutput router)
    {
        var row = first + own.Count < last ? rows[first + own.Count] : null;
        if (row is null || row.Layer != router.Layer || row.Experts != router.Logits.shape[^1] || row.TopK != router.TopK)
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"a router of layer {router.Layer} chooses {router.TopK} of {router.Logits.shape[^1]}; the table of parameters has {row?.ToString() ?? "no router there"}"));
        using var scope = NewDisposeScope();
        var sums = RouterStatistics.Of(router).Sums.unsqueeze(0);
        var missing = Width(rows) - sums.shape[1];
        if (missing > 0)
            sums = cat([sums, zeros([1, missing], sums.dtype, sums.device)], 1);
        // The scope that is open now is a layer's; the row lasts as long as the pass.
        own.Add(sums.MoveToOuterDisposeScope().MoveToOuterDisposeScope());
    }

    internal AuxiliaryLosses Losses(Balancing balancing)
    {
        if (last < rows.Count)
            throw new InvalidOperationException($"the auxiliary loss needs the routers of all layers; a stage of {model.Stage} knows {last} of {rows.Count}");
        using var scope = NewDisposeScope();
        var all = RouterStatistics.OverAll(Sums, model.Ranks);
        var losses = RouterStatistics.Losses(
            [.. rows.Select((r, i) => new RouterStatistics(all.select(0, i).narrow(0, 0, 3 * r.Experts + 2), r.Experts, r.TopK))], balancing);
        return new(losses.Balance.MoveToOuterDisposeScope(), losses.Z.MoveToOuterDisposeScope());
    }

    private static long Width(IReadOnlyList<Row> rows) => rows.Max(r => 3 * r.Experts + 2);

    /// <summary>One for each part of experts, by the map into their inside that is always there, in the order of the data flow.</summary>
    internal static IReadOnlyList<Row> Rows(IEnumerable<ParameterInfo> parameters) =>
        [.. parameters.Where(p => p.Kind == ParameterKind.Expert && p.Name.EndsWith(".up.weight", StringComparison.Ordinal))
            .Select(p => new Row(p.Layer!.Value, p.Pieces.Count, p.ActivePieces))];
}
