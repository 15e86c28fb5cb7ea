using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>
/// How GShard's gate limits experts, and what of it is random in training: <c>moe_layer_kwargs</c> of an InternEvo configuration.
/// </summary>
public sealed record GShardOptions : IHuggingFaceValue<GShardOptions>
{
    private static readonly string[] Keys =
        ["capacity_factor", "eval_capacity_factor", "min_capacity", "drop_tokens", "noisy_gate_policy", "use_rts", "use_fused_gating", "use_grouped_mlp"];

    /// <summary>An expert takes ⌈tokens / experts × factor × top_k⌉ tokens at most in training.</summary>
    public double CapacityFactor { get; init; } = 1;

    /// <summary>The factor outside of training.</summary>
    public double EvalCapacityFactor { get; init; } = 1;

    /// <summary>The fewest tokens that an expert may take.</summary>
    public int MinCapacity { get; init; } = 4;

    /// <summary>Whether tokens beyond the capacity are dropped; false sets no limit.</summary>
    public bool DropTokens { get; init; } = true;

    /// <summary>
    /// Noise in training: Jitter multiplies the gate's inputs by numbers from 0.99 to 1.01, RSample adds Gumbel noise to the logits for
    /// the choice of the last expert; null for none.
    /// </summary>
    public string? NoisyGatePolicy { get; init; }

    /// <summary>Whether experts take tokens by lot in training, not in their order.</summary>
    public bool UseRts { get; init; }

    /// <inheritdoc/>
    public static GShardOptions? FromHuggingFace(JsonNode value, string key, ICollection<string> problems)
    {
        if (value is not JsonObject json)
        {
            problems.Add($"{key} = {value.ToJsonString()}: must be an object or null");
            return null;
        }

        var before = problems.Count;
        double Number(string name, double fallback)
        {
            if (json[name] is not { } node)
                return fallback;
            if (JsonNumbers.TryRead(node, out var number) && number > 0)
                return number;
            problems.Add($"{key}.{name} = {node.ToJsonString()}: must be a number above 0");
            return fallback;
        }

        bool Flag(string name, bool fallback)
        {
            if (json[name] is not { } node)
                return fallback;
            if (node is JsonValue v && v.TryGetValue<bool>(out var flag))
                return flag;
            problems.Add($"{key}.{name} = {node.ToJsonString()}: must be true or false");
            return fallback;
        }

        var usual = new GShardOptions();
        var least = Number("min_capacity", usual.MinCapacity);
        if (least != Math.Floor(least))
            problems.Add($"{key}.min_capacity = {json["min_capacity"]!.ToJsonString()}: must be a whole number");
        var policy = json["noisy_gate_policy"] is JsonValue said && said.TryGetValue<string>(out var text) ? text : null;
        if (json["noisy_gate_policy"] is { } asked && policy is not ("Jitter" or "RSample"))
            problems.Add($"{key}.noisy_gate_policy = {asked.ToJsonString()}: must be \"Jitter\", \"RSample\" or null");
        // Two ways to compute the same.
        _ = Flag("use_fused_gating", true);
        _ = Flag("use_grouped_mlp", true);
        foreach (var (name, given) in json.Where(p => !Keys.Contains(p.Key)))
            problems.Add($"{key}.{name} = {given?.ToJsonString() ?? "null"}: is not a key of GShard's gate; it has {string.Join(", ", Keys)}");
        return problems.Count > before ? null : new GShardOptions
        {
            CapacityFactor = Number("capacity_factor", usual.CapacityFactor),
            EvalCapacityFactor = Number("eval_capacity_factor", usual.EvalCapacityFactor),
            MinCapacity = (int)least,
            DropTokens = Flag("drop_tokens", usual.DropTokens),
            NoisyGatePolicy = policy,
            UseRts = Flag("use_rts", usual.UseRts),
        };
    }

    /// <inheritdoc/>
    public JsonNode ToHuggingFace() => new JsonObject
    {
        ["capacity_factor"] = CapacityFactor,
        ["eval_capacity_factor"] = EvalCapacityFactor,
        ["min_capacity"] = MinCapacity,
        ["drop_tokens"] = DropTokens,
        ["noisy_gate_policy"] = NoisyGatePolicy,
        ["use_rts"] = UseRts,
    };

    /// <inheritdoc/>
    public IEnumerable<string> Problems(int maxPositions) => [];
}
