// Shapes: B rows, T tokens, C hidden size, H query heads, K key-value heads, D head size, F inside of the MLP.
using static Evo.Models.Functions;
using Tensor = TorchSharp.torch.Tensor;

namespace Evo.Models;

/// <summary>InternLM3: rotary attention with grouped key-value heads, a gated MLP, a long reach by dynamic rotary scaling.</summary>
[Model("INTERNLM3", HuggingFace = "InternLM3ForCausalLM", ModelType = "internlm3", InitStd = nameof(InitStd))]
[Divides(nameof(HeadCount), nameof(HiddenSize), Unless = nameof(HeadDim), Because = "a head's share of the hidden size; or give head_dim")]
public sealed partial record InternLM3 : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)]
    public int VocabSize { get; init; } = 128512;

    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)]
    public int HiddenSize { get; init; } = 4096;

    /// <summary>Number of layers.</summary>
    [Hf("num_hidden_layers"), RunKey("num_layers", Required = true)]
    public int LayerCount { get; init; } = 32;

    /// <summary>Number of query heads.</summary>
    [Hf("num_attention_heads"), RunKey("num_attention_heads", Required = true)]
    public int HeadCount { get; init; } = 32;

    /// <summary>Number of key and value heads, each shared by as many query heads. Unset: one for each query head.</summary>
    [Hf("num_key_value_heads"), RunKey("num_kv_attention_heads")]
    public int? KvHeadCount { get; init; }

    /// <summary>Width of one head. Unset: hidden size over query heads.</summary>
    [Hf("head_dim"), RunKey("head_dim")]
    public int? HeadDim { get; init; }

    /// <summary>Width inside the MLP.</summary>
    [Hf("intermediate_size"), RunKey("intermediate_size"), Ratio("mlp_ratio", nameof(HiddenSize), "multiple_of", 256)]
    public int IntermediateSize { get; init; } = 11008;

    /// <summary>Activation of the MLP's gate.</summary>
    [Hf("hidden_act"), RunKey("hidden_act"), OneOf("silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu")]
    public string Activation { get; init; } = "silu";

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
    public int MaxPositions { get; init; } = 32768;

    /// <summary>Whether the output head shares the embedding's table.</summary>
    [Hf("tie_word_embeddings"), RunKey("tie_word_embeddings")]
    public bool TieEmbeddings { get; init; }

    /// <summary>Whether the maps to queries, keys and values have biases.</summary>
    [Hf("qkv_bias"), RunKey("qkv_bias")]
    public bool QkvBias { get; init; }

    /// <summary>Whether attention's output map and the three maps of the MLP have biases.</summary>
    [Hf("bias"), RunKey("bias")]
    public bool Bias { get; init; }

    /// <summary>Share of attention weights dropped in training.</summary>
    [Hf("attention_dropout"), RunKey("attn_drop_rate")]
    public double AttentionDropout { get; init; }

    /// <summary>Standard deviation of weights at the start.</summary>
    [Hf("initializer_range"), RunKey("init_std")]
    public double InitStd { get; init; } = 0.02;

    internal int KvHeads => KvHeadCount ?? HeadCount;
    internal int HeadSize => HeadDim ?? HiddenSize / HeadCount;

    [Embedding(nameof(VocabSize), nameof(HiddenSize)), Hf("model.embed_tokens")]
    private partial Tensor Embed(Tensor ids);
    [Layers(typeof(InternLM3Layer), nameof(LayerCount)), Hf("model.layers.{layer}")]
    private partial Tensor Layers(Tensor x, Positions at);
    [RmsNorm(nameof(HiddenSize), nameof(NormEpsilon)), Hf("model.norm")]
    private partial Tensor FinalNorm(Tensor x);
    [Head(nameof(HiddenSize), nameof(VocabSize), TiedTo = nameof(Embed), Tied = nameof(TieEmbeddings)), Hf("lm_head")]
    private partial Tensor Head(Tensor x);

    /// <summary>Token ids [B, T] to final hidden states [B, T, C]; the head follows.</summary>
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Embed(ids), at));
}

/// <summary>One layer: x + attention(norm(x)), then x + MLP(norm(x)).</summary>
public sealed partial record InternLM3Layer(InternLM3 M, int Index)
{
    // Maps back into the residual stream start smaller the deeper they stand, as InternEvo scales them.
    private const string Scaled = "InitStd / Sqrt(2 * (Index + 1))";

    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("input_layernorm")]
    private partial Tensor AttentionNorm(Tensor x);
    [Column("HiddenSize", "HeadCount", "HeadSize", Bias = "QkvBias"), Hf("self_attn.q_proj")]
    private partial Tensor Query(Tensor x);
    [Column("HiddenSize", "KvHeads", "HeadSize", Bias = "QkvBias"), Hf("self_attn.k_proj")]
    private partial Tensor Key(Tensor x);
    [Column("HiddenSize", "KvHeads", "HeadSize", Bias = "QkvBias"), Hf("self_attn.v_proj")]
    private partial Tensor Value(Tensor x);
    [Rope("HeadSize", "RopeTheta", Scaling = "RopeScaling", MaxPositions = "MaxPositions")]
    private partial Tensor Rope(Tensor x, Positions at);
    [Attention("HeadCount", "KvHeads", "HeadSize", Dropout = "AttentionDropout")]
    private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize", Bias = "Bias", Init = Scaled), Hf("self_attn.o_proj")]
    private partial Tensor Output(Tensor x);
    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("post_attention_layernorm")]
    private partial Tensor MlpNorm(Tensor x);
    [Column("HiddenSize", "IntermediateSize", Bias = "Bias"), Hf("mlp.gate_proj")]
    private partial Tensor Gate(Tensor x);
    [Column("HiddenSize", "IntermediateSize", Bias = "Bias"), Hf("mlp.up_proj")]
    private partial Tensor Up(Tensor x);
    [Row("IntermediateSize", "HiddenSize", Bias = "Bias", Init = Scaled), Hf("mlp.down_proj")]
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
