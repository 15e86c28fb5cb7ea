// Shapes: B rows, T tokens, C hidden size, H query heads, K key-value heads, D head size, E experts.
using static Evo.Models.Functions;
using Tensor = TorchSharp.torch.Tensor;

namespace Evo.Models;

/// <summary>Qwen2-MoE: in sparse layers a few of many small experts beside one that every token goes through; the other layers are dense.</summary>
[Model("QWEN2MOE", HuggingFace = "Qwen2MoeForCausalLM", ModelType = "qwen2_moe", InitStd = nameof(InitStd))]
[Divides(nameof(HeadCount), nameof(HiddenSize), Unless = nameof(HeadDim), Because = "a head's share of the hidden size; or give head_dim")]
[HfNeutral("output_router_logits", Because = "a run says by loss.moe_loss_coeff whether routers are balanced")]
public sealed partial record Qwen2Moe : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)]
    public int VocabSize { get; init; } = 151936;

    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)]
    public int HiddenSize { get; init; } = 2048;

    /// <summary>Number of layers.</summary>
    [Hf("num_hidden_layers"), RunKey("num_layers", Required = true)]
    public int LayerCount { get; init; } = 24;

    /// <summary>Number of query heads.</summary>
    [Hf("num_attention_heads"), RunKey("num_attention_heads", Required = true)]
    public int HeadCount { get; init; } = 16;

    /// <summary>Number of key and value heads, each shared by as many query heads. null: one for each query head.</summary>
    [Hf("num_key_value_heads"), RunKey("num_kv_attention_heads")]
    public int? KvHeadCount { get; init; } = 16;

    /// <summary>Width of one head. Unset: hidden size over query heads.</summary>
    [Hf("head_dim"), RunKey("head_dim")]
    public int? HeadDim { get; init; }

    /// <summary>Width inside the MLP of a dense layer.</summary>
    [Hf("intermediate_size"), RunKey("intermediate_size")]
    public int IntermediateSize { get; init; } = 5632;

    /// <summary>Width inside of each expert.</summary>
    [Hf("moe_intermediate_size"), RunKey("moe_intermediate_size"), Ratio("mlp_ratio", nameof(HiddenSize), "multiple_of", 256)]
    public int ExpertSize { get; init; } = 1408;

    /// <summary>Width inside of the expert that every token goes through.</summary>
    [Hf("shared_expert_intermediate_size"), RunKey("shared_expert_intermediate_size"), Ratio("num_shared_experts", nameof(ExpertSize), "", 1)]
    public int SharedSize { get; init; } = 5632;

    /// <summary>Number of experts. 0: all layers are dense.</summary>
    [Hf("num_experts"), RunKey("num_experts"), Least(0)]
    public int ExpertCount { get; init; } = 60;

    /// <summary>Experts that each token goes through.</summary>
    [Hf("num_experts_per_tok"), RunKey("top_k")]
    public int TopK { get; init; } = 4;

    /// <summary>Whether the weights of a token's experts are divided by their sum.</summary>
    [Hf("norm_topk_prob"), RunKey("norm_topk_prob")]
    public bool Normalize { get; init; }

    /// <summary>Every how many layers one is sparse: those whose number, counted from 1, it divides.</summary>
    [Hf("decoder_sparse_step"), RunKey("decoder_sparse_step")]
    public int SparseStep { get; init; } = 1;

    /// <summary>Layers, counted from 0, that are dense all the same. Unset: none.</summary>
    [Hf("mlp_only_layers")]
    public LayerList? DenseLayers { get; init; }

    /// <summary>What a file's configuration multiplies the balance loss by; a run says loss.moe_loss_coeff.</summary>
    [Hf("router_aux_loss_coef")]
    public double RouterCoefficient { get; init; } = 0.001;

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
    [Hf("max_position_embeddings"), RunKey("max_position_embeddings", Default = 2048)]
    public int MaxPositions { get; init; } = 32768;

    /// <summary>Whether upper layers see a window of tokens only.</summary>
    [Hf("use_sliding_window"), RunKey("use_sliding_window")]
    public bool UseSlidingWindow { get; init; }

    /// <summary>Tokens that a query of such a layer sees, its own among them. Unset: all.</summary>
    [Hf("sliding_window"), RunKey("sliding_window")]
    public int? SlidingWindow { get; init; } = 4096;

    /// <summary>Layers from this one on have the window; those before it see all tokens.</summary>
    [Hf("max_window_layers"), RunKey("max_window_layers", Default = 0), Least(0)]
    public int FullLayers { get; init; } = 28;

    /// <summary>Whether query, key and value have biases.</summary>
    [Hf("qkv_bias"), RunKey("qkv_bias")]
    public bool QkvBias { get; init; } = true;

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
    internal bool IsSparse(int layer) => ExpertCount > 0 && (layer + 1) % SparseStep == 0 && DenseLayers?.Contains(layer) != true;

    [Embedding(nameof(VocabSize), nameof(HiddenSize)), Hf("model.embed_tokens")]
    private partial Tensor Embed(Tensor ids);
    [Layers(typeof(Qwen2MoeLayer), nameof(LayerCount)), Hf("model.layers.{layer}")]
    private partial Tensor Layers(Tensor x, Positions at);
    [RmsNorm(nameof(HiddenSize), nameof(NormEpsilon)), Hf("model.norm")]
    private partial Tensor FinalNorm(Tensor x);
    [Head(nameof(HiddenSize), nameof(VocabSize), TiedTo = nameof(Embed), Tied = nameof(TieEmbeddings)), Hf("lm_head")]
    private partial Tensor Head(Tensor x);

    /// <summary>Token ids [B, T] to final hidden states [B, T, C]; the head follows.</summary>
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Embed(ids), at));
}

/// <summary>One layer: x + attention(norm(x)), then x + experts(norm(x)) + σ(gate(norm(x))) · shared expert(norm(x)), or x + MLP(norm(x)).</summary>
public sealed partial record Qwen2MoeLayer(Qwen2Moe M, int Index)
{
    private const string Scaled = "InitStd / Sqrt(2 * (Index + 1))";

    private int Window => M.UseSlidingWindow && Index >= M.FullLayers ? M.SlidingWindow ?? 0 : 0;

    internal bool Sparse => M.IsSparse(Index);

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
    [Attention("HeadCount", "KvHeads", "HeadSize", Dropout = "AttentionDropout", Window = nameof(Window))]
    private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize", Init = Scaled), Hf("self_attn.o_proj")]
    private partial Tensor Output(Tensor x);
    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("post_attention_layernorm")]
    private partial Tensor MlpNorm(Tensor x);

    // Sparse layers.
    [Router("HiddenSize", "ExpertCount"), Hf("mlp.gate")]
    private partial Tensor Route(Tensor x);
    [Experts("HiddenSize", "ExpertSize", "ExpertCount", "TopK", Activation = "Activation", Normalize = "Normalize", DownInit = Scaled), Hf("mlp.experts.{expert}")]
    private partial Tensor Mixture(Tensor x, Tensor logits);
    [Linear("HiddenSize", "1"), Hf("mlp.shared_expert_gate")]
    private partial Tensor Share(Tensor x);
    [Column("HiddenSize", "SharedSize"), Hf("mlp.shared_expert.gate_proj")]
    private partial Tensor SharedGate(Tensor x);
    [Column("HiddenSize", "SharedSize"), Hf("mlp.shared_expert.up_proj")]
    private partial Tensor SharedUp(Tensor x);
    [Row("SharedSize", "HiddenSize", Init = Scaled), Hf("mlp.shared_expert.down_proj")]
    private partial Tensor SharedDown(Tensor x);

    // Dense layers.
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
        if (Sparse)
            return x + Mixture(h, Route(h)) + Sigmoid(Share(h)) * SharedDown(Gated(M.Activation, SharedGate(h), SharedUp(h)));
        return x + Down(Gated(M.Activation, Gate(h), Up(h)));
    }
}
