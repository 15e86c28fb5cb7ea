// Shapes: B rows, T tokens, C hidden size, H query heads, K key-value heads, D head size, E experts.
using Tensor = TorchSharp.torch.Tensor;

namespace Evo.Models;

/// <summary>Mixtral: Llama's attention, and instead of one MLP a few of many experts, chosen for each token.</summary>
[Model("MIXTRALMOE", HuggingFace = "MixtralForCausalLM", ModelType = "mixtral", InitStd = nameof(InitStd))]
[Divides(nameof(HeadCount), nameof(HiddenSize), Unless = nameof(HeadDim), Because = "a head's share of the hidden size; or give head_dim")]
[HfOnly("router_jitter_noise", 0.0, Because = "noise on the inputs of routers is not part of Evo")]
[HfNeutral("output_router_logits", Because = "a run says by loss.moe_loss_coeff whether routers are balanced")]
public sealed partial record Mixtral : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)]
    public int VocabSize { get; init; } = 32000;

    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)]
    public int HiddenSize { get; init; } = 4096;

    /// <summary>Number of layers.</summary>
    [Hf("num_hidden_layers"), RunKey("num_layers", Required = true)]
    public int LayerCount { get; init; } = 32;

    /// <summary>Number of query heads.</summary>
    [Hf("num_attention_heads"), RunKey("num_attention_heads", Required = true)]
    public int HeadCount { get; init; } = 32;

    /// <summary>Number of key and value heads, each shared by as many query heads. null: one for each query head.</summary>
    [Hf("num_key_value_heads"), RunKey("num_kv_attention_heads")]
    public int? KvHeadCount { get; init; } = 8;

    /// <summary>Width of one head. Unset: hidden size over query heads.</summary>
    [Hf("head_dim"), RunKey("head_dim")]
    public int? HeadDim { get; init; }

    /// <summary>Width inside of each expert.</summary>
    [Hf("intermediate_size"), RunKey("intermediate_size"), Ratio("mlp_ratio", nameof(HiddenSize), "multiple_of", 256)]
    public int IntermediateSize { get; init; } = 14336;

    /// <summary>Number of experts.</summary>
    [Hf("num_local_experts"), RunKey("num_experts")]
    public int ExpertCount { get; init; } = 8;

    /// <summary>Experts that each token goes through.</summary>
    [Hf("num_experts_per_tok"), RunKey("top_k")]
    public int TopK { get; init; } = 2;

    /// <summary>What a file's configuration multiplies the balance loss by; a run says loss.moe_loss_coeff.</summary>
    [Hf("router_aux_loss_coef")]
    public double RouterCoefficient { get; init; } = 0.001;

    /// <summary>Activation of the experts' gates.</summary>
    [Hf("hidden_act"), RunKey("hidden_act"), OneOf("silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu")]
    public string Activation { get; init; } = "silu";

    /// <summary>Added to the mean square in norms.</summary>
    [Hf("rms_norm_eps"), RunKey("layer_norm_epsilon")]
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>Base of the rotary frequencies.</summary>
    [Hf("rope_theta"), RunKey("rope_base", Default = 10000.0)]
    public double RopeTheta { get; init; } = 1e6;

    /// <summary>How rotary frequencies are stretched for longer texts. Unset: not at all.</summary>
    [Hf("rope_scaling"), RunKey("rope_scaling")]
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Longest sequence that the model is made for, in tokens.</summary>
    [Hf("max_position_embeddings"), RunKey("max_position_embeddings", Default = 2048)]
    public int MaxPositions { get; init; } = 131072;

    /// <summary>Tokens that a query sees, its own among them. Unset: all.</summary>
    [Hf("sliding_window"), RunKey("sliding_window")]
    public int? SlidingWindow { get; init; }

    /// <summary>Whether the output head shares the embedding's table.</summary>
    [Hf("tie_word_embeddings"), RunKey("tie_word_embeddings")]
    public bool TieEmbeddings { get; init; }

    /// <summary>Share of attention weights dropped in training.</summary>
    [Hf("attention_dropout"), RunKey("attn_drop_rate")]
    public double AttentionDropout { get; init; }

    /// <summary>Standard deviation of weights at the start.</summary>
    [Hf("initializer_range"), RunKey("init_std")]
    public double InitStd { get; init; } = 0.02;

    /// <inheritdoc/>
    public override RouterLoss RouterLoss => new(Balancing.Joint, RouterCoefficient);

    internal int KvHeads => KvHeadCount ?? HeadCount;
    internal int HeadSize => HeadDim ?? HiddenSize / HeadCount;
    internal int Window => SlidingWindow ?? 0;

    [Embedding(nameof(VocabSize), nameof(HiddenSize)), Hf("model.embed_tokens")]
    private partial Tensor Embed(Tensor ids);
    [Layers(typeof(MixtralLayer), nameof(LayerCount)), Hf("model.layers.{layer}")]
    private partial Tensor Layers(Tensor x, Positions at);
    [RmsNorm(nameof(HiddenSize), nameof(NormEpsilon)), Hf("model.norm")]
    private partial Tensor FinalNorm(Tensor x);
    [Head(nameof(HiddenSize), nameof(VocabSize), TiedTo = nameof(Embed), Tied = nameof(TieEmbeddings)), Hf("lm_head")]
    private partial Tensor Head(Tensor x);

    /// <summary>Token ids [B, T] to final hidden states [B, T, C]; the head follows.</summary>
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Embed(ids), at));
}

/// <summary>One layer: x + attention(norm(x)), then x + experts(norm(x)).</summary>
public sealed partial record MixtralLayer(Mixtral M, int Index)
{
    private const string Scaled = "InitStd / Sqrt(2 * (Index + 1))";

    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("input_layernorm")]
    private partial Tensor AttentionNorm(Tensor x);
    [Column("HiddenSize", "HeadCount", "HeadSize"), Hf("self_attn.q_proj")]
    private partial Tensor Query(Tensor x);
    [Column("HiddenSize", "KvHeads", "HeadSize"), Hf("self_attn.k_proj")]
    private partial Tensor Key(Tensor x);
    [Column("HiddenSize", "KvHeads", "HeadSize"), Hf("self_attn.v_proj")]
    private partial Tensor Value(Tensor x);
    [Rope("HeadSize", "RopeTheta", Scaling = "RopeScaling", MaxPositions = "MaxPositions")]
    private partial Tensor Rope(Tensor x, Positions at);
    [Attention("HeadCount", "KvHeads", "HeadSize", Dropout = "AttentionDropout", Window = "Window")]
    private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize", Init = Scaled), Hf("self_attn.o_proj")]
    private partial Tensor Output(Tensor x);
    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("post_attention_layernorm")]
    private partial Tensor ExpertNorm(Tensor x);
    [Router("HiddenSize", "ExpertCount"), Hf("block_sparse_moe.gate")]
    private partial Tensor Route(Tensor x);
    [Experts("HiddenSize", "IntermediateSize", "ExpertCount", "TopK", Activation = "Activation", Normalize = "true", DownInit = Scaled, Gate = "w1", Up = "w3", Down = "w2"), Hf("block_sparse_moe.experts.{expert}")]
    private partial Tensor Mixture(Tensor x, Tensor logits);

    /// <summary>Residual stream [B, T, C] to residual stream [B, T, C].</summary>
    public Tensor Forward(Tensor x, Positions at)
    {
        var h = AttentionNorm(x);
        x += Output(Attend(Rope(Query(h), at), Rope(Key(h), at), Value(h), at));
        h = ExpertNorm(x);
        return x + Mixture(h, Route(h));
    }
}
