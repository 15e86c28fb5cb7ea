using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>A property whose value is an object in config.json reads and writes itself.</summary>
/// <typeparam name="T">The implementing type.</typeparam>
public interface IHuggingFaceValue<T> where T : class
{
    /// <summary>
    /// Reads the object; adds one line to <paramref name="problems"/> for everything wrong, naming <paramref name="key"/>,
    /// and returns null then.
    /// </summary>
    static abstract T? FromHuggingFace(JsonObject json, string key, ICollection<string> problems);

    /// <summary>The object as it stands in config.json.</summary>
    JsonObject ToHuggingFace();

    /// <summary>What is wrong with it in a model made for <paramref name="maxPositions"/> tokens.</summary>
    IEnumerable<string> Problems(int maxPositions);
}
