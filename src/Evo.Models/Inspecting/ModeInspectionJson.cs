// The mode's figures for a program.
using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>Writes a <see cref="ModeInspection"/> as JSON.</summary>
public static class ModeInspectionJson
{
    /// <summary>All of it.</summary>
    public static JsonObject Of(ModeInspection found) => new()
    {
        ["mode"] = Name(found.Degrees.Mode),
        ["tensor"] = found.Degrees.Tensor,
        ["weight"] = found.Degrees.Weight,
        ["batch"] = found.Batch,
        ["length"] = found.Length,
        ["dtype"] = found.Type.ToString().ToLowerInvariant(),
        ["legal_degrees"] = new JsonObject(ModeInspection.Legal(found.Spec).Select(l => KeyValuePair.Create(Name(l.Mode), (JsonNode?)List(l.Degrees.Select(d => (long)d))))),
        ["parameters"] = Array(found.Holdings.Select(Held)),
        ["collectives"] = Array(found.Costs.Select(Sent)),
        ["bytes_sent"] = new JsonObject { ["forward"] = found.ForwardBytes, ["backward"] = found.BackwardBytes, ["step"] = found.ForwardBytes + found.BackwardBytes },
        ["memory"] = new JsonObject
        {
            ["parameter_numbers"] = found.LocalParameters,
            ["parameter_bytes"] = found.ParameterBytes,
            ["gradient_bytes"] = found.ParameterBytes,
            ["optimizer_bytes"] = found.OptimizerStateBytes,
            ["activation_bytes"] = found.ActivationBytes,
            ["activation_formula"] = found.Activations.Bytes(found.Type).ToString(),
        },
        ["activations"] = Array(found.Activations.Tensors.Select(t => new JsonObject
        {
            ["name"] = t.Name,
            ["kept_by"] = t.By,
            ["layer"] = t.Layer,
            ["numbers"] = t.Count.ToString(),
            ["type"] = t.Type.ToString().ToLowerInvariant(),
            ["bytes"] = Math.Round(t.Count.At(found.Point) * ActivationMemory.SizeOf(t.Type, found.Type)),
        })),
        ["flow"] = Array(found.Plan.Values.Select(v => new JsonObject
        {
            ["name"] = v.Name,
            ["layer"] = v.Layer,
            ["operation"] = v.Operation,
            ["from"] = new JsonArray([.. v.From.Select(f => (JsonNode)f)]),
            ["shape"] = v.Shape,
            ["placement"] = v.Placement,
            ["numbers"] = v.Size.ToString(),
        })),
    };

    /// <summary>As a person writes it.</summary>
    public static string Name(ParallelMode mode) => mode.ToString().ToLowerInvariant();

    private static JsonObject Held(Holding h) => new()
    {
        ["name"] = h.Parameter.Name,
        ["cut"] = h.Describe(),
        ["axis"] = h.Axis,
        ["ranks"] = h.Ranks,
        ["replicated"] = h.IsWhole,
        ["shape"] = List(h.Parameter.Shape),
        ["local_shape"] = List(h.LocalShape),
        ["rows_of_ranks"] = List(h.Rows),
    };

    private static JsonObject Sent(SiteCost c) => new()
    {
        ["site"] = c.Site.Number,
        ["layer"] = c.Site.Layer,
        ["of"] = c.Site.Of,
        ["axis"] = c.Site.Axis,
        ["from"] = c.Site.From,
        ["to"] = c.Site.To,
        ["forward"] = new JsonArray([.. c.Forward.Select(f => (JsonNode)f)]),
        ["backward"] = new JsonArray([.. c.Backward.Select(f => (JsonNode)f)]),
        ["tensor_bytes"] = c.TensorBytes,
        ["forward_bytes"] = c.ForwardBytes,
        ["backward_bytes"] = c.BackwardBytes,
    };

    private static JsonArray List(IEnumerable<long> numbers) => new([.. numbers.Select(n => (JsonNode)n)]);

    private static JsonArray Array(IEnumerable<JsonObject> objects) => new([.. objects.Select(o => (JsonNode)o)]);
}
