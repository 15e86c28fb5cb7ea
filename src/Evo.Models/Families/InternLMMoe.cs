// Shapes: B rows, T tokens, C hidden size, H heads, D head size, E experts.
using static Evo.Models.Functions;
using Tensor = TorchSharp.torch.Tensor;

namespace Evo.Models;

/// <summary>
/// InternLM-MoE: InternLM's attention, and instead of one MLP the best of a few experts, by GShard's gate with its capacity or
/// dropless; with shared experts both are mixed by a learned pair of coefficients. Names of weights follow InternEvo's; no
/// checkpoint of transformers holds such a model.
/// </summary>
[Model("INTERNLM_MoE", HuggingFace = "InternLMMoeForCausalLM", ModelType = "internlm_moe", InitStd = nameof(InitStd))]
[Divides(nameof(HeadCount), nameof(HiddenSize), Because = "a head's share of the hidden size")]
public sealed partial record InternLMMoe : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)]
    public int VocabSize { get; init; } = 103168;

    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)]
    public int HiddenSize { get; init; } = 4096;

    /// <summary>Number of layers.</summary>
    [Hf("num_hidden_layers"), RunKey("num_layers", Required = true)]
    public int LayerCount { get; init; } = 32;

    /// <summary>Number of heads.</summary>
    [Hf("num_attention_heads"), RunKey("num_attention_heads", Required = true)]
    public int HeadCount { get; init; } = 32;

    /// <summary>Width inside of each expert.</summary>
    [Hf("intermediate_size"), RunKey("intermediate_size"), Ratio("mlp_ratio", nameof(HiddenSize), "multiple_of", 256)]
    public int IntermediateSize { get; init; } = 5632;

    /// <summary>Number of experts.</summary>
    [Hf("num_experts"), RunKey("num_experts")]
    public int ExpertCount { get; init; } = 4;

    /// <summary>Experts that each token goes through.</summary>
    [Hf("top_k"), RunKey("top_k", Default = 1)]
    public int TopK { get; init; } = 2;

    /// <summary>How experts are chosen: GShard limits each to a capacity and drops what is beyond it, Dropless does not.</summary>
    [Hf("moe_type"), RunKey("moe_type"), OneOf("GShard", "Dropless")]
    public string MoeType { get; init; } = "GShard";

    /// <summary>GShard's gate: capacity_factor, eval_capacity_factor, min_capacity, drop_tokens, noisy_gate_policy, use_rts. Unset: its defaults.</summary>
    [Hf("moe_layer_kwargs"), RunKey("moe_layer_kwargs")]
    public GShardOptions? Gate { get; init; }

    /// <summary>Experts that every token goes through: one MLP, so many times as wide as an expert.</summary>
    [Hf("num_shared_experts"), RunKey("num_shared_experts"), Least(0)]
    public int SharedExperts { get; init; }

    /// <summary>DeepSpeed's word for one shared expert, where num_shared_experts names none.</summary>
    [Hf("moe_use_residual"), RunKey("moe_use_residual")]
    public bool UseResidual { get; init; }

    /// <summary>What a file's configuration multiplies the balance loss by; a run says loss.moe_loss_coeff.</summary>
    [Hf("router_aux_loss_coef")]
    public double RouterCoefficient { get; init; } = 0.1;

    /// <summary>Activation of the gates.</summary>
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
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Whether the output head shares the embedding's table.</summary>
    [Hf("tie_word_embeddings"), RunKey("tie_word_embeddings")]
    public bool TieEmbeddings { get; init; }

    /// <summary>Whether the four linear maps of attention have biases.</summary>
    [Hf("bias"), RunKey("bias")]
    public bool Bias { get; init; } = true;

    /// <summary>Standard deviation of weights at the start.</summary>
    [Hf("initializer_range"), RunKey("init_std")]
    public double InitStd { get; init; } = 0.02;

    /// <inheritdoc/>
    public override RouterLoss RouterLoss => new(IsGShard ? Balancing.FirstChoice : Balancing.EachLayer, RouterCoefficient);

    /// <inheritdoc/>
    protected override void Check(Rules rules)
    {
        if (Gate is not null && !IsGShard)
            rules.Refuse($"moe_layer_kwargs: is about GShard's gate, and moe_type is {MoeType}; take it out, or set moe_type to GShard");
        if (Sampled && TopK > 2)
            rules.Refuse($"moe_layer_kwargs.noisy_gate_policy = \"RSample\": draws the first of one expert or the second of two, and top_k is {TopK}; use \"Jitter\" or null");
        if (Gate is { UseRts: true } && (TopK > 1 || !HasLimit))
            rules.Refuse($"moe_layer_kwargs.use_rts = true: draws lots for the places of an expert where each token has one, and top_k is {TopK}, drop_tokens {(HasLimit ? "true" : "false")}; use false");
    }

    private static readonly GShardOptions UsualGate = new();

    internal int HeadSize => HiddenSize / HeadCount;
    internal bool IsGShard => MoeType == "GShard";
    internal bool HasLimit => IsGShard && (Gate ?? UsualGate).DropTokens;
    internal double Capacity => HasLimit ? (Gate ?? UsualGate).CapacityFactor : 0;
    internal double EvalCapacity => HasLimit ? (Gate ?? UsualGate).EvalCapacityFactor : 0;
    internal double Jitter => IsGShard && Gate?.NoisyGatePolicy == "Jitter" ? 0.01 : 0;
    internal bool Sampled => IsGShard && Gate?.NoisyGatePolicy == "RSample";
    internal bool ByLot => HasLimit && Gate is { UseRts: true };
    internal int MinCapacity => (Gate ?? UsualGate).MinCapacity;

    // GShard leaves the weight of a single choice as the router gave it.
    internal bool Normalize => !IsGShard || TopK > 1;
    internal bool HasShared => SharedExperts > 0 || UseResidual;
    internal int SharedSize => (SharedExperts > 0 ? SharedExperts : 1) * IntermediateSize;

    [Embedding(nameof(VocabSize), nameof(HiddenSize)), Hf("model.embed_tokens")]
    private partial Tensor Embed(Tensor ids);
    [Layers(typeof(InternLMMoeLayer), nameof(LayerCount)), Hf("model.layers.{layer}")]
    private partial Tensor Layers(Tensor x, Positions at);
    [RmsNorm(nameof(HiddenSize), nameof(NormEpsilon)), Hf("model.norm")]
    private partial Tensor FinalNorm(Tensor x);
    [Head(nameof(HiddenSize), nameof(VocabSize), TiedTo = nameof(Embed), Tied = nameof(TieEmbeddings)), Hf("lm_head")]
    private partial Tensor Head(Tensor x);

    /// <summary>Token ids [B, T] to final hidden states [B, T, C]; the head follows.</summary>
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Embed(ids), at));
}

/// <summary>One layer: x + attention(norm(x)), then x + c₀ · experts(norm(x)) + c₁ · shared(norm(x)), without shared experts x + experts(norm(x)).</summary>
public sealed partial record InternLMMoeLayer(InternLMMoe M, int Index)
{
    private const string Scaled = "InitStd / Sqrt(2 * (Index + 1))";

    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("input_layernorm")]
    private partial Tensor AttentionNorm(Tensor x);
    [Column("HiddenSize", "HeadCount", "HeadSize", Bias = "Bias"), Hf("self_attn.q_proj")]
    private partial Tensor Query(Tensor x);
    [Column("HiddenSize", "HeadCount", "HeadSize", Bias = "Bias"), Hf("self_attn.k_proj")]
    private partial Tensor Key(Tensor x);
    [Column("HiddenSize", "HeadCount", "HeadSize", Bias = "Bias"), Hf("self_attn.v_proj")]
    private partial Tensor Value(Tensor x);
    [Rope("HeadSize", "RopeTheta", Scaling = "RopeScaling", MaxPositions = "MaxPositions")]
    private partial Tensor Rope(Tensor x, Positions at);
    [Attention("HeadCount", "HeadCount", "HeadSize")]
    private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize", Bias = "Bias", Init = Scaled), Hf("self_attn.o_proj")]
    private partial Tensor Output(Tensor x);
    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("post_attention_layernorm")]
    private partial Tensor MlpNorm(Tensor x);
    [Router("HiddenSize", "ExpertCount", Jitter = "Jitter"), Hf("mlp.moe_layer.gate.wg")]
    private partial Tensor Route(Tensor x);
    [Experts("HiddenSize", "IntermediateSize", "ExpertCount", "TopK", Activation = "Activation", Normalize = "Normalize", DownInit = Scaled,
        Capacity = "Capacity", EvalCapacity = "EvalCapacity", MinCapacity = "MinCapacity", Sampled = "Sampled", ByLot = "ByLot", Gate = "w1", Up = "w3", Down = "w2"),
        Hf("mlp.moe_layer.experts.wrapped_experts.{expert}")]
    private partial Tensor Mixture(Tensor x, Tensor logits);
    [Linear("HiddenSize", "2", Bias = "true"), Hf("mlp.coefficient")]
    private partial Tensor Coefficient(Tensor x);
    [Column("HiddenSize", "SharedSize"), Hf("mlp.residual_mlp.w1")]
    private partial Tensor SharedGate(Tensor x);
    [Column("HiddenSize", "SharedSize"), Hf("mlp.residual_mlp.w3")]
    private partial Tensor SharedUp(Tensor x);
    [Row("SharedSize", "HiddenSize", Init = Scaled), Hf("mlp.residual_mlp.w2")]
    private partial Tensor SharedDown(Tensor x);

    /// <summary>Residual stream [B, T, C] to residual stream [B, T, C].</summary>
    public Tensor Forward(Tensor x, Positions at)
    {
        var h = AttentionNorm(x);
        x += Output(Attend(Rope(Query(h), at), Rope(Key(h), at), Value(h), at));
        h = MlpNorm(x);
        var experts = Mixture(h, Route(h));
        if (!M.HasShared)
            return x + experts;
        var share = Softmax(Coefficient(h));
        return x + share.narrow(-1, 0, 1) * experts + share.narrow(-1, 1, 1) * SharedDown(Gated(M.Activation, SharedGate(h), SharedUp(h)));
    }
}
