// Shapes: B rows, T tokens, C hidden size, H heads, D head size, F inside of the MLP.
using static Evo.Models.Functions;
using Tensor = TorchSharp.torch.Tensor;

namespace Evo.Models;

/// <summary>
/// Baichuan2: queries, keys and values from one matrix, a head whose rows have length one. The 7B form has rotary positions, the
/// 13B form has linear biases (ALiBi) in their place; a config.json of the latter has no <c>max_position_embeddings</c>.
/// </summary>
[Model("BAICHUAN2", HuggingFace = "BaichuanForCausalLM", ModelType = "baichuan", InitStd = nameof(InitStd))]
[Divides(nameof(HeadCount), nameof(HiddenSize), Because = "a head's share of the hidden size")]
[HfOnly("z_loss_weight", 0, Because = "a run's z-loss (loss.z_loss_coeff) is of the softmax's denominator, not of the largest logit")]
public sealed partial record Baichuan2 : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)]
    public int VocabSize { get; init; } = 125696;

    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)]
    public int HiddenSize { get; init; } = 4096;

    /// <summary>Number of layers.</summary>
    [Hf("num_hidden_layers"), RunKey("num_layers", Required = true)]
    public int LayerCount { get; init; } = 32;

    /// <summary>Number of query heads.</summary>
    [Hf("num_attention_heads"), RunKey("num_attention_heads", Required = true)]
    public int HeadCount { get; init; } = 32;

    /// <summary>Width inside the MLP.</summary>
    [Hf("intermediate_size"), RunKey("intermediate_size"), Ratio("mlp_ratio", nameof(HiddenSize), "multiple_of", 256)]
    public int IntermediateSize { get; init; } = 11008;

    /// <summary>Activation of the MLP's gate.</summary>
    [Hf("hidden_act"), RunKey("hidden_act"), OneOf("silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu")]
    public string Activation { get; init; } = "silu";

    /// <summary>Added to the mean square in norms.</summary>
    [Hf("rms_norm_eps"), RunKey("layer_norm_epsilon", Default = 1e-5)]
    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Longest sequence of the form with rotary positions, in tokens. Unset (in a run: null): the form with ALiBi.</summary>
    [Hf("max_position_embeddings"), RunKey("max_position_embeddings", Default = 2048)]
    public int? MaxPositions { get; init; }

    /// <summary>Longest sequence that the tokenizer and the trainer of the original cut texts to; nothing is computed from it.</summary>
    [Hf("model_max_length")]
    public int? ModelMaxLength { get; init; }

    /// <summary>Base of the rotary frequencies. Unset: 10000; the original knows no other.</summary>
    [Hf("rope_theta"), RunKey("rope_base")]
    public double? RopeBase { get; init; }

    /// <summary>Whether the output head shares the embedding's table.</summary>
    [Hf("tie_word_embeddings"), RunKey("tie_word_embeddings")]
    public bool TieEmbeddings { get; init; }

    /// <summary>Whether the rows of the head are divided by their lengths. Unset: they are; the original knows no other.</summary>
    [Hf("norm_head"), RunKey("norm_head")]
    public bool? NormHead { get; init; }

    /// <summary>Standard deviation of weights at the start.</summary>
    [Hf("initializer_range"), RunKey("init_std")]
    public double InitStd { get; init; } = 0.02;

    internal int HeadSize => HiddenSize / HeadCount;
    internal bool Alibi => MaxPositions is null;
    internal double RopeTheta => RopeBase ?? 10000;
    internal bool UnitHead => NormHead ?? true;

    [Embedding(nameof(VocabSize), nameof(HiddenSize)), Hf("model.embed_tokens")]
    private partial Tensor Embed(Tensor ids);
    [Layers(typeof(Baichuan2Layer), nameof(LayerCount)), Hf("model.layers.{layer}")]
    private partial Tensor Layers(Tensor x, Positions at);
    [RmsNorm(nameof(HiddenSize), nameof(NormEpsilon)), Hf("model.norm")]
    private partial Tensor FinalNorm(Tensor x);
    [Head(nameof(HiddenSize), nameof(VocabSize), TiedTo = nameof(Embed), Tied = nameof(TieEmbeddings), Normalized = nameof(UnitHead)), Hf("lm_head")]
    private partial Tensor Head(Tensor x);

    /// <summary>Token ids [B, T] to final hidden states [B, T, C]; the head follows.</summary>
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Embed(ids), at));
}

/// <summary>One layer: x + attention(norm(x)), then x + MLP(norm(x)).</summary>
public sealed partial record Baichuan2Layer(Baichuan2 M, int Index)
{
    // Maps back into the residual stream start smaller the deeper they stand, as InternEvo scales them.
    private const string Scaled = "InitStd / Sqrt(2 * (Index + 1))";

    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("input_layernorm")]
    private partial Tensor AttentionNorm(Tensor x);
    [Column("HiddenSize", "3", "HeadCount", "HeadSize"), Hf("self_attn.W_pack")]
    private partial Tensor QueryKeyValue(Tensor x);
    [Rope("HeadSize", "RopeTheta")]
    private partial Tensor Rope(Tensor x, Positions at);
    [Attention("HeadCount", "HeadCount", "HeadSize", Alibi = "Alibi")]
    private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize", Init = Scaled), Hf("self_attn.o_proj")]
    private partial Tensor Output(Tensor x);
    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("post_attention_layernorm")]
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
        var qkv_BT3HD = QueryKeyValue(AttentionNorm(x));
        x += Output(Attend(Turn(qkv_BT3HD.select(2, 0), at), Turn(qkv_BT3HD.select(2, 1), at), qkv_BT3HD.select(2, 2), at));
        var h = MlpNorm(x);
        return x + Down(Gated(M.Activation, Gate(h), Up(h)));
    }

    private Tensor Turn(Tensor x, Positions at) => M.Alibi ? x : Rope(x, at);
}
