using System.Globalization;
using System.Text.RegularExpressions;

namespace Evo.Parallel;

/// <summary>A file of weights in a checkpoint of InternEvo's, as its name tells it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Tensor">Place on the tensor axis; null where the name has none.</param>
/// <param name="Weight">Place on the weight axis, of isp; null where the name has none.</param>
/// <param name="Stage">Stage of the pipeline; of an expert's file null.</param>
/// <param name="Data">Place on the axis that FSDP shards over; null without.</param>
/// <param name="Layer">Number that an expert's file has for its layer; null of other files.</param>
/// <param name="Expert">The expert, or the rank of a group of them that were saved as one.</param>
internal sealed partial record InternEvoFile(string Name, int? Tensor, int? Weight, int? Stage, int? Data, int? Layer, int? Expert)
{
    /// <summary>What a name of a file tells; null where it is none of weights.</summary>
    internal static InternEvoFile? Parse(string name)
    {
        var found = OfStage().Match(name) is { Success: true } stage ? stage : OfExpert().Match(name);
        int? Number(string group) =>
            found.Groups[group] is { Success: true, Value: var digits } ? int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture) : null;
        return found.Success && (Number("tp") ?? Number("wp")) is not null
            ? new(name, Number("tp"), Number("wp"), Number("pp"), Number("dp"), Number("layer"), Number("expert"))
            : null;
    }

    /// <summary>The name of another rank's file of the same kind.</summary>
    internal string Sibling(int? tensor, int? weight, int? stage, int? layer = null, int? expert = null)
    {
        string Part(string prefix, int? place) => place is { } number ? string.Create(CultureInfo.InvariantCulture, $"_{prefix}{number}") : "";
        return layer is null
            ? $"model{Part("tp", tensor)}{Part("wp", weight)}{Part("pp", stage)}{Part("dp", Data is null ? null : 0)}.pt"
            : $"model_moe{Part("layer", layer)}{Part("expert", expert)}{Part("tp", tensor)}{Part("wp", weight)}.pt";
    }

    // No run has ten million of anything.
    [GeneratedRegex(@"^model(?:_tp(?<tp>\d{1,7}))?(?:_wp(?<wp>\d{1,7}))?_pp(?<pp>\d{1,7})(?:_dp(?<dp>\d{1,7}))?\.pt$")]
    private static partial Regex OfStage();

    [GeneratedRegex(@"^model_moe_layer(?<layer>\d{1,7})_expert(?<expert>\d{1,7})(?:_tp(?<tp>\d{1,7}))?(?:_wp(?<wp>\d{1,7}))?\.pt$")]
    private static partial Regex OfExpert();
}
