using System.Globalization;
using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>
/// How rotary frequencies are stretched so that a model reads further than it was made for: <c>rope_scaling</c> of a
/// config.json, with transformers' meaning of each type.
/// </summary>
public abstract record RopeScaling : IHuggingFaceValue<RopeScaling>
{
    /// <summary>The types that are understood.</summary>
    public static IReadOnlyList<string> Types { get; } = ["default", "linear", "dynamic", "llama3"];

    /// <summary>No stretching, said aloud.</summary>
    public sealed record Default : RopeScaling
    {
        internal override string Type => "default";
    }

    /// <summary>Positions are divided by the factor.</summary>
    public sealed record Linear(double Factor) : RopeScaling
    {
        internal override string Type => "linear";
    }

    /// <summary>
    /// Beyond the original length the base grows with the sequence, θ (f L / M − (f − 1))^(d / (d − 2)); up to it nothing
    /// changes.
    /// </summary>
    public sealed record Dynamic(double Factor) : RopeScaling
    {
        internal override string Type => "dynamic";
    }

    /// <summary>Llama 3.1: slow pairs are divided by the factor, fast ones kept, those between blended.</summary>
    public sealed record Llama3(double Factor, double LowFrequencyFactor, double HighFrequencyFactor) : RopeScaling
    {
        internal override string Type => "llama3";
    }

    /// <summary>Under which keys the type stood: <c>rope_type</c>, the older <c>type</c>, or both.</summary>
    public IReadOnlyCollection<string> Spelling { get; init; } = RopeType;

    /// <summary><c>original_max_position_embeddings</c>: needed by llama3, elsewhere it must equal the model's own.</summary>
    public long? OriginalMaxPositions { get; init; }

    private static readonly string[] RopeType = ["rope_type"], OldType = ["type"], Both = ["rope_type", "type"];

    internal abstract string Type { get; }

    /// <summary>Radians per position of each pair of a head.</summary>
    /// <param name="scaling">The stretching, or null.</param>
    /// <param name="headSize">Width of a head.</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="maxPositions">The model's <c>max_position_embeddings</c>.</param>
    /// <param name="end">One past the largest position of the pass.</param>
    public static double[] InverseFrequencies(RopeScaling? scaling, int headSize, double theta, int maxPositions, long end)
    {
        if (scaling is Dynamic { Factor: var f } && end > maxPositions)
            theta *= Math.Pow(f * end / maxPositions - (f - 1), (double)headSize / (headSize - 2));
        var inverse = Enumerable.Range(0, headSize / 2).Select(i => Math.Pow(theta, -2.0 * i / headSize));
        return scaling switch
        {
            Linear l => [.. inverse.Select(w => w / l.Factor)],
            Llama3 l => [.. inverse.Select(w => Blend(l, w))],
            _ => [.. inverse],
        };
    }

    private static double Blend(Llama3 l, double w)
    {
        // How often the pair turns within the original length decides: rarely → divided, often → kept.
        var turns = l.OriginalMaxPositions!.Value * w / (2 * Math.PI);
        if (turns < l.LowFrequencyFactor)
            return w / l.Factor;
        if (turns > l.HighFrequencyFactor)
            return w;
        var kept = (turns - l.LowFrequencyFactor) / (l.HighFrequencyFactor - l.LowFrequencyFactor);
        return (1 - kept) * w / l.Factor + kept * w;
    }

    /// <inheritdoc/>
    public IEnumerable<string> Problems(int maxPositions)
    {
        if (this is Linear or Dynamic && OriginalMaxPositions is { } original && original != maxPositions)
            yield return $"rope_scaling.original_max_position_embeddings = {original}: {Type} scaling starts at max_position_embeddings = {maxPositions}; leave it out";
        if (this is Dynamic && maxPositions < 1)
            yield return "rope_scaling.type = \"dynamic\": max_position_embeddings must be given, scaling starts beyond it";
    }

    /// <inheritdoc/>
    public static RopeScaling? FromHuggingFace(JsonNode value, string key, ICollection<string> problems)
    {
        if (value is not JsonObject json)
        {
            problems.Add($"{key} = {value.ToJsonString()}: must be an object or null");
            return null;
        }

        var before = problems.Count;
        string? TypeOf(string name) => json[name] switch
        {
            null => null,
            JsonValue v when v.TryGetValue<string>(out var text) => text,
            var other => Wrong<string>($"{key}.{name} = {other.ToJsonString()}: must be one of {string.Join(", ", Types)}"),
        };
        T? Wrong<T>(string problem)
        {
            problems.Add(problem);
            return default;
        }

        var (rope, old) = (TypeOf("rope_type"), TypeOf("type"));
        if (rope is not null && old is not null && rope != old)
            problems.Add($"{key}: rope_type = \"{rope}\" and type = \"{old}\" contradict each other");
        var type = rope ?? old;
        if (type is null)
            return problems.Count > before ? null : Wrong<RopeScaling>($"{key}: must have a rope_type; one of {string.Join(", ", Types)}");

        double Number(string name, double least, bool needed = true)
        {
            if (json[name] is not { } node)
                return needed ? Wrong<double>($"{key}.{name}: {type} scaling needs it") : 0;
            if (!JsonNumbers.TryRead(node, out var number) || number < least)
                return Wrong<double>($"{key}.{name} = {node.ToJsonString()}: must be a number of at least {least.ToString(CultureInfo.InvariantCulture)}");
            return number;
        }

        string[] legal = type switch
        {
            "default" => [],
            "linear" or "dynamic" => ["factor", "original_max_position_embeddings"],
            _ => ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
        };
        if (!Types.Contains(type))
            return Wrong<RopeScaling>($"{key}.{(rope is null ? "type" : "rope_type")} = \"{type}\": is not supported; use {string.Join(", ", Types)}");
        foreach (var (name, given) in json)
            if (name is not ("rope_type" or "type") && !legal.Contains(name) && given is not null)
                problems.Add($"{key}.{name} = {given.ToJsonString()}: {type} scaling has no such key{(legal.Length == 0 ? "" : "; it has " + string.Join(", ", legal))}");

        var original = legal.Contains("original_max_position_embeddings")
            ? Number("original_max_position_embeddings", 1, type == "llama3") : 0;
        RopeScaling? scaling = type switch
        {
            "linear" => new Linear(Number("factor", 1)),
            "dynamic" => new Dynamic(Number("factor", 1)),
            "llama3" => new Llama3(Number("factor", 1), Number("low_freq_factor", 0), Number("high_freq_factor", 0)),
            _ => new Default(),
        };
        if (scaling is Llama3 l && problems.Count == before && l.HighFrequencyFactor <= l.LowFrequencyFactor)
            problems.Add($"{key}.high_freq_factor = {l.HighFrequencyFactor}: must be greater than low_freq_factor = {l.LowFrequencyFactor}");
        return problems.Count > before ? null : scaling with
        {
            Spelling = rope is null ? OldType : old is null ? RopeType : Both,
            OriginalMaxPositions = original > 0 ? (long)original : null,
        };
    }

    /// <inheritdoc/>
    public JsonNode ToHuggingFace()
    {
        var json = new JsonObject();
        switch (this)
        {
            case Linear l: json["factor"] = l.Factor; break;
            case Dynamic d: json["factor"] = d.Factor; break;
            case Llama3 l:
                (json["factor"], json["low_freq_factor"], json["high_freq_factor"]) = (l.Factor, l.LowFrequencyFactor, l.HighFrequencyFactor);
                break;
        }
        if (OriginalMaxPositions is { } original)
            json["original_max_position_embeddings"] = original;
        foreach (var name in Spelling)
            json[name] = Type;
        return json;
    }
}
