using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>A property whose value is an object or a list in config.json reads and writes itself.</summary>
/// <typeparam name="T">The implementing type.</typeparam>
public interface IHuggingFaceValue<T> where T : class
{
    /// <summary>
    /// Reads the object or list; adds one line to <paramref name="problems"/> for everything wrong, naming <paramref name="key"/>,
    /// and returns null then.
    /// </summary>
    static abstract T? FromHuggingFace(JsonNode json, string key, ICollection<string> problems);

    /// <summary>The value as it stands in config.json.</summary>
    JsonNode ToHuggingFace();

    /// <summary>What is wrong with it in a model made for <paramref name="maxPositions"/> tokens.</summary>
    IEnumerable<string> Problems(int maxPositions);
}
