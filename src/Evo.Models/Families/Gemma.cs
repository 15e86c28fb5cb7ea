// Shapes: B rows, T tokens, C hidden size, H query heads, K key-value heads, D head size, F inside of the MLP.
using static Evo.Models.Functions;
using Tensor = TorchSharp.torch.Tensor;

namespace Evo.Models;

/// <summary>Gemma: scaled embeddings, norms with a gain of one plus the weight, wide heads, a gated MLP with a GELU, a tied head.</summary>
[Model("GEMMA", HuggingFace = "GemmaForCausalLM", ModelType = "gemma", InitStd = nameof(InitStd))]
public sealed partial record Gemma : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)]
    public int VocabSize { get; init; } = 256000;

    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)]
    public int HiddenSize { get; init; } = 3072;

    /// <summary>Number of layers.</summary>
    [Hf("num_hidden_layers"), RunKey("num_layers", Required = true)]
    public int LayerCount { get; init; } = 28;

    /// <summary>Number of query heads.</summary>
    [Hf("num_attention_heads"), RunKey("num_attention_heads", Required = true)]
    public int HeadCount { get; init; } = 16;

    /// <summary>Number of key and value heads, each shared by as many query heads. Unset: one for each query head.</summary>
    [Hf("num_key_value_heads"), RunKey("num_kv_attention_heads")]
    public int? KvHeadCount { get; init; }

    /// <summary>Width of one head; heads together may be wider than the residual stream.</summary>
    [Hf("head_dim"), RunKey("head_dim")]
    public int HeadSize { get; init; } = 256;

    /// <summary>Width inside the MLP.</summary>
    [Hf("intermediate_size"), RunKey("intermediate_size"), Ratio("mlp_ratio", nameof(HiddenSize), "multiple_of", 256)]
    public int IntermediateSize { get; init; } = 24576;

    /// <summary>Activation of the MLP's gate. Unset: gelu_pytorch_tanh, whatever <see cref="HiddenAct"/> says.</summary>
    [Hf("hidden_activation"), RunKey("hidden_act", Default = Usual), OneOf("silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu")]
    public string? HiddenActivation { get; init; }

    /// <summary>An older name of the activation. It was published as gelu where gelu_pytorch_tanh was meant, so it decides nothing.</summary>
    [Hf("hidden_act")]
    public string HiddenAct { get; init; } = Usual;

    /// <summary>Added to the mean square in norms.</summary>
    [Hf("rms_norm_eps"), RunKey("layer_norm_epsilon", Default = 1e-5)]
    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Base of the rotary frequencies.</summary>
    [Hf("rope_theta"), RunKey("rope_base")]
    public double RopeTheta { get; init; } = 10000;

    /// <summary>How rotary frequencies are stretched for longer texts. Unset: not at all.</summary>
    [Hf("rope_scaling"), RunKey("rope_scaling")]
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Longest sequence that the model is made for, in tokens.</summary>
    [Hf("max_position_embeddings"), RunKey("max_position_embeddings")]
    public int MaxPositions { get; init; } = 8192;

    /// <summary>Whether the output head shares the embedding's table.</summary>
    [Hf("tie_word_embeddings"), RunKey("tie_word_embeddings")]
    public bool TieEmbeddings { get; init; } = true;

    /// <summary>Whether the four linear maps of attention have biases.</summary>
    [Hf("attention_bias"), RunKey("attention_bias")]
    public bool AttentionBias { get; init; }

    /// <summary>Share of attention weights dropped in training.</summary>
    [Hf("attention_dropout"), RunKey("attn_drop_rate")]
    public double AttentionDropout { get; init; }

    /// <summary>Standard deviation of weights at the start.</summary>
    [Hf("initializer_range"), RunKey("init_std")]
    public double InitStd { get; init; } = 0.02;

    private const string Usual = "gelu_pytorch_tanh";

    internal int KvHeads => KvHeadCount ?? HeadCount;
    internal string Activation => HiddenActivation ?? Usual;

    [Embedding(nameof(VocabSize), nameof(HiddenSize)), Hf("model.embed_tokens")]
    private partial Tensor Embed(Tensor ids);
    [Layers(typeof(GemmaLayer), nameof(LayerCount)), Hf("model.layers.{layer}")]
    private partial Tensor Layers(Tensor x, Positions at);
    [RmsNorm(nameof(HiddenSize), nameof(NormEpsilon), Offset = "true"), Hf("model.norm")]
    private partial Tensor FinalNorm(Tensor x);
    [Head(nameof(HiddenSize), nameof(VocabSize), TiedTo = nameof(Embed), Tied = nameof(TieEmbeddings)), Hf("lm_head")]
    private partial Tensor Head(Tensor x);

    /// <summary>Token ids [B, T] to final hidden states [B, T, C]; the head follows.</summary>
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Embed(ids) * Math.Sqrt(HiddenSize), at));

    /// <inheritdoc/>
    protected override void Check(Rules rules)
    {
        if (HiddenAct is not (Usual or "gelu") && HiddenAct != Activation)
            rules.Refuse($"hidden_act = \"{HiddenAct}\": hidden_activation decides, and is {Activation}; say the same or leave it out");
    }
}

/// <summary>One layer: x + attention(norm(x)), then x + MLP(norm(x)).</summary>
public sealed partial record GemmaLayer(Gemma M, int Index)
{
    // Maps back into the residual stream start smaller the deeper they stand, as InternEvo scales them.
    private const string Scaled = "InitStd / Sqrt(2 * (Index + 1))";

    [RmsNorm("HiddenSize", "NormEpsilon", Offset = "true"), Hf("input_layernorm")]
    private partial Tensor AttentionNorm(Tensor x);
    [Column("HiddenSize", "HeadCount", "HeadSize", Bias = "AttentionBias"), Hf("self_attn.q_proj")]
    private partial Tensor Query(Tensor x);
    [Column("HiddenSize", "KvHeads", "HeadSize", Bias = "AttentionBias"), Hf("self_attn.k_proj")]
    private partial Tensor Key(Tensor x);
    [Column("HiddenSize", "KvHeads", "HeadSize", Bias = "AttentionBias"), Hf("self_attn.v_proj")]
    private partial Tensor Value(Tensor x);
    [Rope("HeadSize", "RopeTheta", Scaling = "RopeScaling", MaxPositions = "MaxPositions")]
    private partial Tensor Rope(Tensor x, Positions at);
    [Attention("HeadCount", "KvHeads", "HeadSize", Dropout = "AttentionDropout")]
    private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize", Bias = "AttentionBias", Init = Scaled), Hf("self_attn.o_proj")]
    private partial Tensor Output(Tensor x);
    [RmsNorm("HiddenSize", "NormEpsilon", Offset = "true"), Hf("post_attention_layernorm")]
    private partial Tensor MlpNorm(Tensor x);
    [Column("HiddenSize", "IntermediateSize"), Hf("mlp.gate_proj")]
    private partial Tensor Gate(Tensor x);
    [Column("HiddenSize", "IntermediateSize"), Hf("mlp.up_proj")]
    private partial Tensor Up(Tensor x);
    [Row("IntermediateSize", "HiddenSize", Init = Scaled), Hf("mlp.down_proj")]
    private partial Tensor Down(Tensor x);

    /// <summary>Residual stream [B, T, C] to residual stream [B, T, C].</summary>
    public Tensor Forward(Tensor x, Positions at)
    {
        var h = AttentionNorm(x);
        x += Output(Attend(Rope(Query(h), at), Rope(Key(h), at), Value(h), at));
        h = MlpNorm(x);
        return x + Down(Gated(M.Activation, Gate(h), Up(h)));
    }
}
