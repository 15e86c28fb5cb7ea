using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>Numbers of JSON nodes, whether they were parsed from text or made in memory.</summary>
internal static class JsonNumbers
{
    /// <summary>The node's number, where it is a finite one.</summary>
    public static bool TryRead(JsonNode? node, out double number)
    {
        number = 0;
        return node is JsonValue value && value.GetValueKind() == JsonValueKind.Number
            && double.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out number)
            && double.IsFinite(number);
    }
}
