using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>Keys of a config.json that say nothing about what the model computes, kept word for word. Equal by content.</summary>
public sealed class Extras : IEquatable<Extras>
{
    private readonly SortedDictionary<string, string> texts;

    /// <summary>No keys.</summary>
    public static Extras None { get; } = new([]);

    /// <summary>The given keys and values.</summary>
    public Extras(IEnumerable<KeyValuePair<string, JsonNode?>> keys)
    {
        texts = new(StringComparer.Ordinal);
        foreach (var (key, value) in keys)
            texts[key] = value?.ToJsonString() ?? "null";
    }

    /// <summary>Keys.</summary>
    public IReadOnlyCollection<string> Keys => texts.Keys;

    /// <summary>Writes every key that <paramref name="into"/> lacks.</summary>
    public void WriteTo(JsonObject into)
    {
        foreach (var (key, text) in texts)
            if (!into.ContainsKey(key))
                into[key] = JsonNode.Parse(text);
    }

    /// <inheritdoc/>
    public bool Equals(Extras? other) => other is not null && texts.SequenceEqual(other.texts);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Extras);

    /// <inheritdoc/>
    public override int GetHashCode() => texts.Aggregate(0, (hash, pair) => HashCode.Combine(hash, pair.Key, pair.Value));
}
