// Shapes: B rows, T tokens, C hidden size, H heads, D head size, F inside of the MLP.
using static Evo.Models.Functions;
using Tensor = TorchSharp.torch.Tensor;

namespace Evo.Models;

/// <summary>GPT-2: learned positions, layer norms before attention and a plain MLP, biases everywhere, a tied head.</summary>
[Model("GPT2", HuggingFace = "GPT2LMHeadModel", ModelType = "gpt2", InitStd = nameof(InitStd))]
[Divides(nameof(HeadCount), nameof(HiddenSize), Because = "a head's share of the hidden size")]
[HfOnly("n_ctx", "=" + nameof(MaxPositions), Because = "the older name of n_positions")]
[HfNeutral("reorder_and_upcast_attn", Because = "scores are always taken in float32 at least, and scaling before or after is the same")]
[HfNeutral("summary_type"), HfNeutral("summary_use_proj"), HfNeutral("summary_activation"), HfNeutral("summary_first_dropout"), HfNeutral("summary_proj_to_labels")]
public sealed partial record Gpt2 : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)]
    public int VocabSize { get; init; } = 50257;

    /// <summary>Longest sequence, in tokens: rows of the table of positions.</summary>
    [Hf("n_positions"), RunKey("max_position_embeddings")]
    public int MaxPositions { get; init; } = 1024;

    /// <summary>Width of the residual stream.</summary>
    [Hf("n_embd"), RunKey("hidden_size", Required = true)]
    public int HiddenSize { get; init; } = 768;

    /// <summary>Number of layers.</summary>
    [Hf("n_layer"), RunKey("num_layers", Required = true)]
    public int LayerCount { get; init; } = 12;

    /// <summary>Number of heads.</summary>
    [Hf("n_head"), RunKey("num_attention_heads", Required = true)]
    public int HeadCount { get; init; } = 12;

    /// <summary>Width inside the MLP. Unset: four times the hidden size.</summary>
    [Hf("n_inner"), RunKey("intermediate_size")]
    public int? InnerSize { get; init; }

    /// <summary>Activation of the MLP.</summary>
    [Hf("activation_function"), RunKey("activation_function"), OneOf("silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu")]
    public string Activation { get; init; } = "gelu_new";

    /// <summary>Added to the variance in norms.</summary>
    [Hf("layer_norm_epsilon"), RunKey("layer_norm_epsilon")]
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>Whether attention scores are divided by the square root of the head size.</summary>
    [Hf("scale_attn_weights"), RunKey("scale_attn_weights")]
    public bool ScaleAttention { get; init; } = true;

    /// <summary>Whether attention scores are divided by the layer's number, counted from one.</summary>
    [Hf("scale_attn_by_inverse_layer_idx"), RunKey("scale_attn_by_inverse_layer_idx")]
    public bool ScaleByLayer { get; init; }

    /// <summary>Share of attention weights dropped in training.</summary>
    [Hf("attn_pdrop"), RunKey("attn_drop_rate", Default = 0.0)]
    public double AttentionDropout { get; init; } = 0.1;

    /// <summary>Share of the embeddings dropped in training.</summary>
    [Hf("embd_pdrop"), RunKey("embed_drop_rate", Default = 0.0)]
    public double EmbeddingDropout { get; init; } = 0.1;

    /// <summary>Share of what attention and MLP add to the residual stream dropped in training.</summary>
    [Hf("resid_pdrop"), RunKey("drop_rate", Default = 0.0)]
    public double ResidualDropout { get; init; } = 0.1;

    /// <summary>Whether the output head shares the embedding's table.</summary>
    [Hf("tie_word_embeddings"), RunKey("tie_word_embeddings")]
    public bool TieEmbeddings { get; init; } = true;

    /// <summary>Standard deviation of weights at the start.</summary>
    [Hf("initializer_range"), RunKey("init_std")]
    public double InitStd { get; init; } = 0.02;

    internal int HeadSize => HiddenSize / HeadCount;
    internal int Inner => InnerSize ?? 4 * HiddenSize;

    [Embedding(nameof(VocabSize), nameof(HiddenSize)), Hf("transformer.wte")]
    private partial Tensor Embed(Tensor ids);
    [Embedding(nameof(MaxPositions), nameof(HiddenSize)), Hf("transformer.wpe")]
    private partial Tensor EmbedPosition(Tensor ids);
    [Dropout(nameof(EmbeddingDropout))]
    private partial Tensor Drop(Tensor x);
    [Layers(typeof(Gpt2Layer), nameof(LayerCount)), Hf("transformer.h.{layer}")]
    private partial Tensor Layers(Tensor x, Positions at);
    [LayerNorm(nameof(HiddenSize), nameof(NormEpsilon)), Hf("transformer.ln_f")]
    private partial Tensor FinalNorm(Tensor x);
    [Head(nameof(HiddenSize), nameof(VocabSize), TiedTo = nameof(Embed), Tied = nameof(TieEmbeddings)), Hf("lm_head")]
    private partial Tensor Head(Tensor x);

    /// <summary>Token ids [B, T] to final hidden states [B, T, C]; the head follows.</summary>
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Drop(Embed(ids) + EmbedPosition(at.Ids)), at));
}

/// <summary>One layer: x + attention(norm(x)), then x + MLP(norm(x)).</summary>
public sealed partial record Gpt2Layer(Gpt2 M, int Index)
{
    // GPT-2 starts the maps back into the residual stream smaller the more layers add to it.
    private const string Scaled = "InitStd / Sqrt(2 * LayerCount)";

    private double Scale => (M.ScaleAttention ? 1 / Math.Sqrt(M.HeadSize) : 1) / (M.ScaleByLayer ? Index + 1 : 1);

    [LayerNorm("HiddenSize", "NormEpsilon"), Hf("ln_1")]
    private partial Tensor AttentionNorm(Tensor x);
    [Column("HiddenSize", "3", "HeadCount", "HeadSize", Bias = "true"), Hf("attn.c_attn", Transposed = true)]
    private partial Tensor QueryKeyValue(Tensor x);
    [Attention("HeadCount", "HeadCount", "HeadSize", Scale = nameof(Scale), Dropout = "AttentionDropout")]
    private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize", Bias = "true", Init = Scaled), Hf("attn.c_proj", Transposed = true)]
    private partial Tensor Output(Tensor x);
    [LayerNorm("HiddenSize", "NormEpsilon"), Hf("ln_2")]
    private partial Tensor MlpNorm(Tensor x);
    [Column("HiddenSize", "Inner", Bias = "true"), Hf("mlp.c_fc", Transposed = true)]
    private partial Tensor Up(Tensor x);
    [Row("Inner", "HiddenSize", Bias = "true", Init = Scaled), Hf("mlp.c_proj", Transposed = true)]
    private partial Tensor Down(Tensor x);
    [Dropout("ResidualDropout")]
    private partial Tensor Drop(Tensor x);

    /// <summary>Residual stream [B, T, C] to residual stream [B, T, C].</summary>
    public Tensor Forward(Tensor x, Positions at)
    {
        var qkv_BT3HD = QueryKeyValue(AttentionNorm(x));
        x += Drop(Output(Attend(qkv_BT3HD.select(2, 0), qkv_BT3HD.select(2, 1), qkv_BT3HD.select(2, 2), at)));
        return x + Drop(Down(Activate(M.Activation, Up(MlpNorm(x)))));
    }
}
