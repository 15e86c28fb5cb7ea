namespace Evo.Models;

/// <summary>
/// What says how well each expert suits each token: [B, T, width] → logits [B, T, experts], which <see cref="ExpertsAttribute"/>
/// turns into choices. Weight [experts, width], whole on every device; each token is routed by itself.
/// </summary>
public sealed class RouterAttribute(string width, string experts) : PartAttribute
{
    /// <summary>Width of a token.</summary>
    public string Width => width;

    /// <summary>Number of experts.</summary>
    public string Experts => experts;

    /// <summary>Standard deviation of its start, or empty for the model's.</summary>
    public string Init { get; init; } = "";

    /// <summary>In training its input is multiplied by numbers from 1 − this to 1 + this, another for each token and feature; 0 for none.</summary>
    public string Jitter { get; init; } = "0";
}

/// <summary>
/// A mixture of experts: <c>Tensor Mixture(Tensor x_BTC, Tensor logits_BTE)</c> → [B, T, C]. Softmax over the experts, the best
/// <c>topK</c> of them, each one's MLP over the tokens that chose it, and the weighted sum. Nothing is dropped unless
/// <see cref="Capacity"/> says so. Weights are stacked, [experts, inner, width] (gate and up) and [experts, width, inner]
/// (down), so that experts may be split over devices; a checkpoint holds them expert by expert, with <c>{expert}</c> in
/// <see cref="HfAttribute"/>'s name where the index stands.
/// </summary>
public sealed class ExpertsAttribute(string width, string inner, string experts, string topK) : PartAttribute
{
    /// <summary>Width of a token.</summary>
    public string Width => width;

    /// <summary>Width inside of an expert.</summary>
    public string Inner => inner;

    /// <summary>Number of experts.</summary>
    public string Experts => experts;

    /// <summary>Experts of a token.</summary>
    public string TopK => topK;

    /// <summary>Text property with the activation's name; empty for silu.</summary>
    public string Activation { get; init; } = "";

    /// <summary>"true", "false" or a boolean property: whether a token's weights are divided by their sum.</summary>
    public string Normalize { get; init; } = "false";

    /// <summary>Name of the gate's map in a checkpoint; empty for an MLP without a gate.</summary>
    public string Gate { get; init; } = "gate_proj";

    /// <summary>Name of the map into an expert.</summary>
    public string Up { get; init; } = "up_proj";

    /// <summary>Name of the map out of an expert.</summary>
    public string Down { get; init; } = "down_proj";

    /// <summary>
    /// GShard's factor: an expert takes at most ⌈tokens / experts × factor × topK⌉ tokens, the rest is dropped. Empty, or 0:
    /// no limit.
    /// </summary>
    public string Capacity { get; init; } = "";

    /// <summary>The factor outside of training; empty for the same.</summary>
    public string EvalCapacity { get; init; } = "";

    /// <summary>The smallest number of tokens that an expert may take.</summary>
    public string MinCapacity { get; init; } = "0";

    /// <summary>"true", "false" or a boolean property: whether Gumbel noise is added to the logits for a token's last choice in training.</summary>
    public string Sampled { get; init; } = "false";

    /// <summary>"true", "false" or a boolean property: whether an expert takes tokens by lot in training, not in their order.</summary>
    public string ByLot { get; init; } = "false";

    /// <summary>Standard deviation of the start of gate and up, or empty for the model's.</summary>
    public string Init { get; init; } = "";

    /// <summary>Standard deviation of the start of the maps out of the experts, or empty for the model's.</summary>
    public string DownInit { get; init; } = "";
}
