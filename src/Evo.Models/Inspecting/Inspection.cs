using System.Globalization;
using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>One kind of parameter: all layers' tensors of one part counted together.</summary>
/// <param name="Name">Logical name, <c>{layer}</c> where the index stands.</param>
/// <param name="HuggingFaceName">Name in a Hugging Face folder, likewise.</param>
/// <param name="Shape">Shape of one.</param>
/// <param name="Init">How one starts, in the first layer.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Tensors">How many there are.</param>
/// <param name="Count">Numbers in all of them.</param>
public sealed record ParameterGroup(
    string Name, string HuggingFaceName, IReadOnlyList<long> Shape, Initializer Init, ParameterKind Kind, int Tensors, long Count);

/// <summary>
/// What a model is, for people and programs: its parameter table, counts, and operations per token and per step. A value;
/// <c>evo inspect</c> shows it.
/// </summary>
/// <param name="Family">Name in a run's config.</param>
/// <param name="Architecture">Hugging Face's name.</param>
/// <param name="Size">Sizes by role.</param>
/// <param name="Parameters">Every tensor, in the order of the data flow.</param>
/// <param name="Groups">The same with the layers folded.</param>
/// <param name="ParameterCount">Learned numbers.</param>
/// <param name="ActiveCount">Those that one token meets: all but the experts that it does not choose.</param>
/// <param name="EmbeddingCount">Those that are looked up only: tables of embeddings that are not the head's too.</param>
/// <param name="Batch">Rows of the counted step.</param>
/// <param name="Length">Tokens of a row of the counted step.</param>
/// <param name="Flops">Operations of that step.</param>
public sealed record Inspection(
    string Family, string Architecture, ModelSize Size, IReadOnlyList<ParameterInfo> Parameters, IReadOnlyList<ParameterGroup> Groups,
    long ParameterCount, long ActiveCount, long EmbeddingCount, long Batch, long Length, Flops Flops)
{
    /// <summary>Inspects a model; the step counted is <paramref name="batch"/> rows of <paramref name="length"/> tokens.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="length">Tokens of a row; null for the longest that the model is made for, 2048 at most.</param>
    public static Inspection Of(CausalLM spec, long batch = 1, long? length = null)
    {
        var size = spec.Size;
        var tokens = length ?? Math.Min(size.MaxPositions > 0 ? size.MaxPositions : 2048, 2048);
        var table = spec.Parameters;
        var groups = table
            .GroupBy(p => (Name: Folded(p.Name, p.Layer), Shape: string.Join(',', p.Shape)))
            .Select(g => new ParameterGroup(
                g.Key.Name, Folded(g.First().HuggingFaceName, g.First().Layer), g.First().Shape, g.First().Init, g.First().Kind, g.Count(), g.Sum(p => p.Count)));
        return new Inspection(
            spec.Family.Name, spec.Family.Architecture, size, table, [.. groups], table.Sum(p => p.Count), table.Sum(p => p.ActiveCount),
            table.Where(p => p.Kind == ParameterKind.Embedding && p.TiedNames.Count == 0).Sum(p => p.Count),
            batch, tokens, spec.FlopsPerStep(batch, tokens));
    }

    /// <summary>Operations of one token in training, attention over the whole square.</summary>
    public double FlopsPerToken => Flops.TotalFull / (Batch * Length);

    /// <summary>Bytes of the parameters at so many bytes each.</summary>
    public long Bytes(int bytesPerNumber) => ParameterCount * bytesPerNumber;

    /// <summary>For programs.</summary>
    public JsonObject ToJson() => new()
    {
        ["family"] = Family,
        ["architecture"] = Architecture,
        ["vocab_size"] = Size.VocabSize,
        ["hidden_size"] = Size.HiddenSize,
        ["layers"] = Size.LayerCount,
        ["heads"] = Size.HeadCount,
        ["kv_heads"] = Size.KvHeadCount,
        ["head_size"] = Size.HeadSize,
        ["intermediate_size"] = Size.IntermediateSize,
        ["max_positions"] = Size.MaxPositions,
        ["parameters"] = ParameterCount,
        ["active_parameters"] = ActiveCount,
        ["embedding_parameters"] = EmbeddingCount,
        ["step"] = new JsonObject
        {
            ["batch"] = Batch,
            ["length"] = Length,
            ["forward_flops_full"] = Flops.ForwardFull,
            ["forward_flops_causal"] = Flops.ForwardCausal,
            ["backward_flops_full"] = Flops.BackwardFull,
            ["backward_flops_causal"] = Flops.BackwardCausal,
            ["total_flops_full"] = Flops.TotalFull,
            ["total_flops_causal"] = Flops.TotalCausal,
        },
        ["table"] = new JsonArray([.. Parameters.Select(p => (JsonNode)new JsonObject
        {
            ["name"] = p.Name,
            ["hugging_face"] = p.HuggingFaceName,
            ["shape"] = new JsonArray([.. p.Shape.Select(s => (JsonNode)JsonValue.Create(s))]),
            ["hugging_face_shape"] = new JsonArray([.. p.HuggingFaceShape.Select(s => (JsonNode)JsonValue.Create(s))]),
            ["init"] = p.Init.ToString(),
            ["kind"] = p.Kind.ToString().ToLowerInvariant(),
            ["count"] = p.Count,
        })]),
    };

    private static string Folded(string name, int? layer) =>
        layer is { } index ? name.Replace(string.Create(CultureInfo.InvariantCulture, $".{index}."), ".{layer}.") : name;
}
