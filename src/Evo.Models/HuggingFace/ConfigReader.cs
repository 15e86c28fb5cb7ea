using System.Globalization;
using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>
/// Reads one JSON object key by key and remembers everything wrong with it, so that a person sees all at once. What was
/// neither read nor declared neutral is refused by name. A key with a dot stands inside of an object: <c>rotary.base</c> is
/// <c>base</c> of <c>rotary</c>.
/// </summary>
public sealed class ConfigReader(JsonObject json, string where)
{
    private readonly HashSet<string> known = new(StringComparer.Ordinal), neutral = new(StringComparer.Ordinal);
    private readonly HashSet<string> objects = new(StringComparer.Ordinal);

    /// <summary>What was found wrong so far.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>Whether the key is there with a value.</summary>
    public bool Has(string key) => json[key] is not null;

    /// <summary>A key that must be there.</summary>
    public void Require(string key)
    {
        if (!Has(key))
            Problems.Add($"{key}: must be given");
    }

    /// <summary>A whole number.</summary>
    public int Int(string key, int fallback) => Read(key, fallback, false, Whole) ?? fallback;

    /// <summary>A whole number, or null where it is absent or null.</summary>
    public int? Int(string key, int? fallback) => Read(key, fallback, true, Whole);

    /// <summary>A number.</summary>
    public double Double(string key, double fallback) => Read(key, fallback, false, Number) ?? fallback;

    /// <summary>A number, or null where it is absent or null.</summary>
    public double? Double(string key, double? fallback) => Read(key, fallback, true, Number);

    /// <summary>true or false.</summary>
    public bool Bool(string key, bool fallback) => Read(key, fallback, false, Flag) ?? fallback;

    /// <summary>true or false, or null where it is absent or null.</summary>
    public bool? Bool(string key, bool? fallback) => Read(key, fallback, true, Flag);

    /// <summary>A text, one of <paramref name="oneOf"/> where that is not empty.</summary>
    public string Text(string key, string fallback, params string[] oneOf)
    {
        if (!Find(key, out var node))
            return fallback;
        if (node is not JsonValue value || !value.TryGetValue<string>(out var text))
            Problems.Add($"{key} = {Show(node)}: must be a text");
        else if (oneOf.Length > 0 && !oneOf.Contains(text))
            Problems.Add($"{key} = \"{text}\": is not supported; use {string.Join(", ", oneOf)}");
        else
            return text;
        return fallback;
    }

    /// <summary>A text, one of <paramref name="oneOf"/> where that is not empty, or null where it says null.</summary>
    public string? TextOrNull(string key, string? fallback, params string[] oneOf) =>
        Find(key, out var node) && node is null ? null : node is null ? fallback : Text(key, fallback ?? "", oneOf);

    /// <summary>An object or a list, or null where it is absent or null.</summary>
    public T? Value<T>(string key) where T : class, IHuggingFaceValue<T>
    {
        known.Add(key);
        switch (json[key])
        {
            case null: return null;
            case var value: return T.FromHuggingFace(value, key, Problems);
        }
    }

    /// <summary>InternEvo's ratio of MLP width to hidden size where a run gives neither.</summary>
    public const double UsualRatio = 4;

    /// <summary>
    /// A width given directly or as a ratio of another, <c>int(of × ratio)</c> rounded up to a multiple; giving both is a
    /// problem.
    /// </summary>
    /// <param name="key">Key of the width.</param>
    /// <param name="ratioKey">Key of the ratio.</param>
    /// <param name="multipleKey">Key of the multiple, or empty.</param>
    /// <param name="usualMultiple">The multiple where it is not given.</param>
    /// <param name="of">What the ratio multiplies.</param>
    /// <param name="usual">The ratio where neither is given.</param>
    public int Ratio(string key, string ratioKey, string multipleKey, int usualMultiple, int of, double usual = UsualRatio)
    {
        var (width, ratio) = (Int(key, (int?)null), Double(ratioKey, (double?)null));
        var multiple = multipleKey == "" ? usualMultiple : Int(multipleKey, usualMultiple);
        if (width is not null && ratio is not null)
            Problems.Add($"{key} = {width} and {ratioKey} = {Show(ratio.Value)}: give one of them");
        if (multiple < 1)
            Problems.Add($"{multipleKey} = {multiple}: must be at least 1");
        return width ?? (int)(Math.Ceiling((double)(long)(of * (ratio ?? usual)) / Math.Max(multiple, 1)) * Math.Max(multiple, 1));
    }

    /// <summary>A key with one legal value.</summary>
    public void Only(string key, bool value, string because) => Only(key, JsonValue.Create(value), because);

    /// <summary>A key with one legal value.</summary>
    public void Only(string key, double value, string because) => Only(key, JsonValue.Create(value), because);

    /// <summary>A key with one legal value.</summary>
    public void Only(string key, string value, string because) => Only(key, JsonValue.Create(value), because);

    private void Only(string key, JsonValue legal, string because)
    {
        neutral.Add(key);
        if (json[key] is { } node && !JsonNode.DeepEquals(node, legal)
            && !(JsonNumbers.TryRead(node, out var x) && JsonNumbers.TryRead(legal, out var y) && x == y))
            Problems.Add($"{key} = {Show(node)}: only {legal.ToJsonString()} is supported{(because == "" ? "" : ": " + because)}");
    }

    /// <summary>Keys that change nothing about what is computed; they are kept for writing.</summary>
    public void Neutral(params string[] keys) => neutral.UnionWith(keys);

    /// <summary>Checks <c>architectures</c> and <c>model_type</c>.</summary>
    public void Architecture(string architecture, string modelType)
    {
        known.UnionWith(["architectures", "model_type"]);
        if (json["architectures"] is { } named && !(named is JsonArray names && names.Any(n => n is JsonValue v && v.TryGetValue<string>(out var s) && s == architecture)))
            Problems.Add($"architectures = {Show(named)}: must name {architecture}");
        if (json["model_type"] is { } type && !(type is JsonValue value && value.TryGetValue<string>(out var text) && text == modelType))
            Problems.Add($"model_type = {Show(type)}: must be \"{modelType}\"");
    }

    /// <summary>The neutral keys found; every other key that was not read becomes a problem.</summary>
    public Extras Rest()
    {
        var kept = new List<KeyValuePair<string, JsonNode?>>();
        foreach (var pair in json)
        {
            if (objects.Contains(pair.Key) && pair.Value is JsonObject inside)
                foreach (var (name, value) in inside.Where(p => !known.Contains($"{pair.Key}.{p.Key}")))
                    Problems.Add($"{pair.Key}.{name} = {Show(value)}: is not a key of this family{Nearest($"{pair.Key}.{name}")}");
            if (known.Contains(pair.Key))
                continue;
            if (neutral.Contains(pair.Key) || NeutralKeys.Contains(pair.Key))
                kept.Add(pair);
            else if (NeutralKeys.MustBeOff(pair.Key))
            {
                if (NeutralKeys.IsOff(pair.Value))
                    kept.Add(pair);
                else
                    Problems.Add($"{pair.Key} = {Show(pair.Value)}: is not supported for a decoder-only language model; leave it out");
            }
            else
                Problems.Add($"{pair.Key} = {Show(pair.Value)}: is not a key of this family{Nearest(pair.Key)}");
        }
        return new Extras(kept);
    }

    /// <summary>The model, where nothing was wrong with it.</summary>
    /// <exception cref="ModelConfigException">Everything that was.</exception>
    public T Finish<T>(T model, KeyNames names = KeyNames.HuggingFace) where T : CausalLM
    {
        if (Problems.Count == 0)
            Problems.AddRange(model.Problems(names));
        return Problems.Count == 0 ? model : throw new ModelConfigException(where, Problems);
    }

    private string Nearest(string key)
    {
        var near = Core.Nearest.find(known.Concat(neutral), key);
        return near is null ? "" : $"; did you mean {near.Value}?";
    }

    private bool Find(string key, out JsonNode? node)
    {
        known.Add(key);
        var dot = key.IndexOf('.');
        if (dot < 0)
            return json.TryGetPropertyValue(key, out node);
        node = null;
        var outer = key[..dot];
        known.Add(outer);
        if (objects.Add(outer) && json.TryGetPropertyValue(outer, out var value) && value is not JsonObject)
            Problems.Add($"{outer} = {Show(value)}: must be an object");
        return json[outer] is JsonObject inside && inside.TryGetPropertyValue(key[(dot + 1)..], out node);
    }

    private T? Read<T>(string key, T? fallback, bool nullable, Func<JsonValue, (T value, string rule)> read) where T : struct
    {
        var found = Find(key, out var node);
        if (!found || (node is null && nullable))
            return found ? null : fallback;
        var (value, rule) = node is JsonValue v ? read(v) : (default, "must be a single value");
        if (rule == "")
            return value;
        Problems.Add($"{key} = {Show(node)}: {rule}");
        return fallback;
    }

    private static (int, string) Whole(JsonValue v) =>
        JsonNumbers.TryRead(v, out var d) && d == Math.Floor(d) && Math.Abs(d) <= int.MaxValue ? ((int)d, "") : (0, "must be a whole number");

    private static (double, string) Number(JsonValue v) =>
        JsonNumbers.TryRead(v, out var d) ? (d, "") : (0, "must be a number");

    private static (bool, string) Flag(JsonValue v) => v.TryGetValue<bool>(out var b) ? (b, "") : (false, "must be true or false");

    private static string Show(JsonNode? node) => node?.ToJsonString() ?? "null";

    /// <summary>A number as a message shows it.</summary>
    public static string Show(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
