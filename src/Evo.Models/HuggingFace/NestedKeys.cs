using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>Writes keys that stand inside of an object of config.json, such as <c>base</c> of <c>rotary</c>.</summary>
public static class NestedKeys
{
    /// <summary>The object under a key, made where it is not there yet.</summary>
    public static JsonObject Inside(JsonObject json, string key)
    {
        if (json[key] is JsonObject found)
            return found;
        var made = new JsonObject();
        json[key] = made;
        return made;
    }
}
