namespace Evo.Parallel;

/// <summary>
/// What InternEvo calls the parts of a model. Its versions and families have spelled them in several ways; each is brought to
/// one, that of InternLM2, and from there to Hugging Face's.
/// </summary>
internal static class InternEvoNames
{
    /// <summary>Words of a key that mean the same: another spelling, and the one that stands for it here. "" is left out.</summary>
    private static readonly (string Other, string Word)[] Spellings =
    [
        ("model", ""), ("word_embeddings", ""),
        ("embedding", "tok_embeddings"), ("embed_tokens", "tok_embeddings"), ("head", "output"), ("blocks", "layers"),
        ("mixer", "attention"), ("Wqkv", "wqkv"), ("out_proj", "wo"), ("norm1", "attention_norm"), ("norm2", "ffn_norm"), ("mlp", "feed_forward"),
    ];

    /// <summary>
    /// A part by Hugging Face's name of some family, and by InternEvo's. w1 is the gate, w3 up and w2 down; older versions of some
    /// families have w2 and w3 the other way round, which shapes tell.
    /// </summary>
    private static readonly (string HuggingFace, string InternEvo)[] Parts =
    [
        ("embed_tokens", Table), ("tok_embeddings", Table),
        ("norm", "norm"),
        ("lm_head", Head), ("output", Head),

        ("input_layernorm", "attention_norm"), ("attention_norm", "attention_norm"),
        ("post_attention_layernorm", "ffn_norm"), ("ffn_norm", "ffn_norm"),

        ("self_attn.q_proj", Query), ("self_attn.k_proj", Key), ("self_attn.v_proj", Value),
        ("self_attn.W_pack", Fused), ("attention.wqkv", Fused),
        ("self_attn.o_proj", "attention.wo"), ("attention.wo", "attention.wo"),

        ("mlp.gate_proj", "feed_forward.w1"), ("mlp.up_proj", "feed_forward.w3"), ("mlp.down_proj", "feed_forward.w2"),
        ("feed_forward.w1", "feed_forward.w1"), ("feed_forward.w3", "feed_forward.w3"), ("feed_forward.w2", "feed_forward.w2"),

        ("block_sparse_moe.gate", Gate), ("mlp.gate", Gate), ("mlp.moe_layer.gate.wg", Gate),
        ("block_sparse_moe.experts.{expert}.w1", Experts + "w1"), ("block_sparse_moe.experts.{expert}.w3", Experts + "w3"),
        ("block_sparse_moe.experts.{expert}.w2", Experts + "w2"),
        ("mlp.experts.{expert}.gate_proj", Experts + "w1"), ("mlp.experts.{expert}.up_proj", Experts + "w3"), ("mlp.experts.{expert}.down_proj", Experts + "w2"),
        ("mlp.moe_layer.experts.wrapped_experts.{expert}.w1", Experts + "w1"), ("mlp.moe_layer.experts.wrapped_experts.{expert}.w3", Experts + "w3"),
        ("mlp.moe_layer.experts.wrapped_experts.{expert}.w2", Experts + "w2"),

        ("mlp.shared_expert_gate", "feed_forward.coefficient"), ("mlp.coefficient", "feed_forward.coefficient"),
        ("mlp.shared_expert.gate_proj", Shared + "w1"), ("mlp.shared_expert.up_proj", Shared + "w3"), ("mlp.shared_expert.down_proj", Shared + "w2"),
        ("mlp.residual_mlp.w1", Shared + "w1"), ("mlp.residual_mlp.w3", Shared + "w3"), ("mlp.residual_mlp.w2", Shared + "w2"),
    ];

    internal const string Table = "tok_embeddings", Head = "output";
    internal const string Query = "attention.wq", Key = "attention.wk", Value = "attention.wv", Fused = "attention.wqkv";
    private const string Gate = "feed_forward.moe_layer.gate.wg", Experts = "feed_forward.moe_layer.experts.wrapped_experts.{expert}.";
    private const string Shared = "feed_forward.residual_mlp.";

    /// <summary>What stands where an expert's number stands.</summary>
    internal const string Expert = "{expert}";

    private static readonly Dictionary<string, string> BySpelling = Spellings.ToDictionary(pair => pair.Other, pair => pair.Word, StringComparer.Ordinal);
    private static readonly Dictionary<string, string> ByPart = Parts.ToDictionary(pair => pair.HuggingFace, pair => pair.InternEvo, StringComparer.Ordinal);

    /// <summary>InternEvo's name of a part that Hugging Face calls so; null where it has none.</summary>
    internal static string? Of(string huggingFacePart) => ByPart.GetValueOrDefault(huggingFacePart);

    /// <summary>The words of a key as they are spelled here.</summary>
    internal static IEnumerable<string> Words(string key) =>
        key.Split('.').Select(word => BySpelling.GetValueOrDefault(word, word)).Where(word => word.Length > 0);

    /// <summary>The name of a tensor with w2 and w3 exchanged, where it names one of them; null where not.</summary>
    internal static string? OlderOrder(string name) =>
        name.Contains(".w2.", StringComparison.Ordinal) ? name.Replace(".w2.", ".w3.", StringComparison.Ordinal)
        : name.Contains(".w3.", StringComparison.Ordinal) ? name.Replace(".w3.", ".w2.", StringComparison.Ordinal) : null;
}
