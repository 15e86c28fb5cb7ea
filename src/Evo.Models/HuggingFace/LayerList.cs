using System.Globalization;
using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>Indices of layers as a config.json lists them, in its order. Equal by content.</summary>
public sealed class LayerList(params int[] layers) : IHuggingFaceValue<LayerList>, IEquatable<LayerList>
{
    private readonly int[] layers = [.. layers];

    /// <summary>Whether the layer is in the list.</summary>
    public bool Contains(int layer) => layers.Contains(layer);

    /// <inheritdoc/>
    public static LayerList? FromHuggingFace(JsonNode value, string key, ICollection<string> problems)
    {
        if (value is not JsonArray list)
        {
            problems.Add($"{key} = {value.ToJsonString()}: must be a list of layers, counted from 0");
            return null;
        }

        var found = new List<int>();
        foreach (var node in list)
        {
            if (JsonNumbers.TryRead(node, out var number) && number == Math.Floor(number) && number is >= 0 and <= int.MaxValue)
                found.Add((int)number);
            else
                problems.Add($"{key} holds {node?.ToJsonString() ?? "null"}: must be a list of layers, counted from 0");
        }

        return new([.. found]);
    }

    /// <inheritdoc/>
    public JsonNode ToHuggingFace() => new JsonArray([.. layers.Select(l => (JsonNode)JsonValue.Create(l))]);

    /// <inheritdoc/>
    public IEnumerable<string> Problems(int maxPositions) => [];

    /// <inheritdoc/>
    public bool Equals(LayerList? other) => other is not null && layers.AsSpan().SequenceEqual(other.layers);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LayerList);

    /// <inheritdoc/>
    public override int GetHashCode() => layers.Aggregate(0, HashCode.Combine);

    /// <summary>"0, 3".</summary>
    public override string ToString() => string.Join(", ", layers.Select(l => l.ToString(CultureInfo.InvariantCulture)));
}
