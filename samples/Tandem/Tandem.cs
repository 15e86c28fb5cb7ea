using Evo.Models;
using static Evo.Models.Functions;
using Tensor = TorchSharp.torch.Tensor;

/// <summary>Attention and MLP side by side on one norm, norms on queries and keys, a squared ReLU, a window in every second layer.</summary>
[Model("TANDEM", HuggingFace = "TandemForCausalLM", ModelType = "tandem")]
[Divides(nameof(HeadCount), nameof(HiddenSize), Because = "a head's share of the hidden size")]
public sealed partial record Tandem : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)] public int VocabSize { get; init; } = 32000;
    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)] public int HiddenSize { get; init; } = 2048;
    /// <summary>Number of layers.</summary>
    [Hf("num_hidden_layers"), RunKey("num_layers", Required = true)] public int LayerCount { get; init; } = 24;
    /// <summary>Number of query heads.</summary>
    [Hf("num_attention_heads"), RunKey("num_attention_heads", Required = true)] public int HeadCount { get; init; } = 16;
    /// <summary>Number of key and value heads, each shared by as many query heads.</summary>
    [Hf("num_key_value_heads"), RunKey("num_kv_attention_heads")] public int KvHeadCount { get; init; } = 4;
    /// <summary>Width inside the MLP.</summary>
    [Hf("intermediate_size"), RunKey("intermediate_size", Required = true)] public int IntermediateSize { get; init; } = 8192;
    /// <summary>Longest sequence that the model is made for, in tokens.</summary>
    [Hf("max_position_embeddings"), RunKey("max_position_embeddings")] public int MaxPositions { get; init; } = 2048;
    /// <summary>Tokens that every second layer sees, each its own among them; 0: all.</summary>
    [Hf("sliding_window"), RunKey("sliding_window"), Least(0)] public int Window { get; init; } = 1024;
    /// <summary>Added to the mean square in norms.</summary>
    [Hf("rms_norm_eps"), RunKey("layer_norm_epsilon")] public double NormEpsilon { get; init; } = 1e-6;
    /// <summary>Base of the rotary frequencies.</summary>
    [Hf("rope_theta"), RunKey("rope_base")] public double RopeTheta { get; init; } = 10000;
    internal int HeadSize => HiddenSize / HeadCount;

    [Embedding("VocabSize", "HiddenSize"), Hf("model.embed_tokens")] private partial Tensor Embed(Tensor ids);
    [Layers(typeof(TandemLayer), "LayerCount"), Hf("model.layers.{layer}")] private partial Tensor Layers(Tensor x, Positions at);
    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("model.norm")] private partial Tensor FinalNorm(Tensor x);
    [Head("HiddenSize", "VocabSize"), Hf("lm_head")] private partial Tensor Head(Tensor x);
    public Tensor Forward(Tensor ids, Positions at) => FinalNorm(Layers(Embed(ids), at));
}

public sealed partial record TandemLayer(Tandem M, int Index)
{
    private int Reach => Index % 2 == 1 ? M.Window : 0;
    [RmsNorm("HiddenSize", "NormEpsilon"), Hf("norm")] private partial Tensor Norm(Tensor x);
    [Column("HiddenSize", "HeadCount", "HeadSize"), Hf("attention.query")] private partial Tensor Query(Tensor x);
    [Column("HiddenSize", "KvHeadCount", "HeadSize"), Hf("attention.key")] private partial Tensor Key(Tensor x);
    [Column("HiddenSize", "KvHeadCount", "HeadSize"), Hf("attention.value")] private partial Tensor Value(Tensor x);
    [RmsNorm("HeadSize", "NormEpsilon"), Hf("attention.query_norm")] private partial Tensor QueryNorm(Tensor x);
    [RmsNorm("HeadSize", "NormEpsilon"), Hf("attention.key_norm")] private partial Tensor KeyNorm(Tensor x);
    [Rope("HeadSize", "RopeTheta")] private partial Tensor Rope(Tensor x, Positions at);
    [Attention("HeadCount", "KvHeadCount", "HeadSize", Window = "Reach")] private partial Tensor Attend(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("HeadCount * HeadSize", "HiddenSize"), Hf("attention.output")] private partial Tensor Output(Tensor x);
    [Column("HiddenSize", "IntermediateSize"), Hf("mlp.up")] private partial Tensor Up(Tensor x);
    [Row("IntermediateSize", "HiddenSize"), Hf("mlp.down")] private partial Tensor Down(Tensor x);

    public Tensor Forward(Tensor x, Positions at)
    {
        var h = Norm(x);
        var u = Activate("relu", Up(h));
        return x + Output(Attend(Rope(QueryNorm(Query(h)), at), Rope(KeyNorm(Key(h)), at), Value(h), at)) + Down(u * u);
    }
}
